import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina, type Plugin } from '@lamina/core';
import type { PluginContext } from '@lamina/core/plugin';

declare module '@lamina/core' {
  interface ExtensionPoints {
    greeting: { readonly text: string };
    farewell: string;
  }
}

describe('extension points', () => {
  let directory: string;
  let lamina: Lamina | undefined;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-extensions-'));
  });
  afterEach(async () => {
    await lamina?.close();
    lamina = undefined;
    await rm(directory, { recursive: true, force: true });
  });

  const create = async (...plugins: Plugin[]): Promise<Lamina> =>
    (lamina = await createLamina({ manifest: {}, log: 'silent', modelsDir: directory, plugins }));

  it('collect the contributions of plugins for the host, in the order of the plugins', async () => {
    const { extensions } = await create(
      { name: 'one', setup: ({ extend }) => extend('greeting', { text: 'Hello' }) },
      { name: 'two', setup: ({ extend }) => extend('greeting', { text: 'Welcome' }) },
    );
    assert.deepEqual(extensions('greeting'), [
      { plugin: 'one', value: { text: 'Hello' } },
      { plugin: 'two', value: { text: 'Welcome' } },
    ]);
    assert.deepEqual(extensions('farewell'), []);
  });

  it('accept contributions during the setup only', async () => {
    let late: (() => void) | undefined;
    await create({ name: 'late', setup: ({ extend }) => void (late = () => extend('farewell', 'Bye')) });
    assert.throws(() => late!(), {
      code: 'PLUGIN_FAILED',
      message: /"late" failed in setup: it registers something after/,
    });
  });

  it('are listed for each plugin, beside what else it registered, and whether a host reads them', async () => {
    const lamina = await create({
      name: 'many',
      setup(context) {
        context.extend('greeting', { text: 'Hello' });
        context.extend('farewell', 'Bye');
        context.hooks.beforeRequest.tap(() => undefined);
        const missing = () => Promise.reject(new Error('The shelf is empty'));
        context.addSource({ name: 'shelf', resolve: missing, locate: missing });
      },
    });
    lamina.extensions('greeting');
    assert.deepEqual(lamina.plugins.at(-1), {
      name: 'many',
      backends: [],
      sources: ['shelf'],
      hooks: ['beforeRequest'],
      extensions: [
        { point: 'greeting', read: true },
        { point: 'farewell', read: false },
      ],
    });
  });
});

describe('events of plugins', () => {
  let directory: string;
  let lamina: Lamina;
  let context: PluginContext;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-plugin-events-'));
    const plugin: Plugin = { name: 'guard', setup: (given) => void (context = given) };
    lamina = await createLamina({ manifest: {}, log: 'silent', modelsDir: directory, plugins: [plugin] });
  });
  afterEach(async () => {
    await lamina.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('reach listeners with an id and a time, and are kept like others', () => {
    const seen: object[] = [];
    lamina.events.on('guard.limited', (event) => seen.push(event));
    const { last } = lamina.events;
    context.emit('guard.limited', { key: 'phone', id: 'mine' });
    const [event] = lamina.events.since(last)!;
    assert.deepEqual(seen, [event]);
    assert.deepEqual({ ...event }, { id: lamina.events.last, at: event!.at, type: 'guard.limited', key: 'phone' });
  });

  it('begin with the name of the plugin', () => {
    assert.throws(() => context.emit('model.ready', { model: 'tiny' }), {
      code: 'PLUGIN_FAILED',
      message:
        'Plugin "guard" failed in emit: it emits "model.ready", but the type of its events must begin with "guard.".',
    });
  });

  it('are not of the types of Lamina, whatever the name of the plugin', async () => {
    await lamina.close();
    const plugin: Plugin = { name: 'model', setup: (given) => void (context = given) };
    lamina = await createLamina({ manifest: {}, log: 'silent', modelsDir: directory, plugins: [plugin] });
    assert.throws(() => context.emit('model.ready', { model: 'tiny' }), {
      code: 'PLUGIN_FAILED',
      message: /only Lamina/,
    });
  });

  it('are no longer emitted once the plugin is closed', async () => {
    const { last } = lamina.events;
    await lamina.close();
    context.emit('guard.limited', {});
    assert.deepEqual(lamina.events.since(last), []);
  });
});
