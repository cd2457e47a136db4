import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Plugin } from '@lamina/core';
import { definePlugin, type BackendType } from '@lamina/core/plugin';

const quiet = { manifest: {}, log: 'silent' } as const;

describe('plugins', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-plugins-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const create = (...plugins: Plugin[]) => createLamina({ ...quiet, modelsDir: directory, plugins });
  const refused = (plugins: unknown[], message: RegExp) =>
    assert.rejects(create(...(plugins as Plugin[])), { code: 'PLUGIN_INVALID', message });

  it('are rejected before any of them runs', async () => {
    let ran = false;
    const fine = definePlugin({ name: 'fine', setup: () => void (ran = true) });
    const options = definePlugin({
      name: 'strict',
      options: { type: 'object', properties: { depth: { type: 'integer' } }, additionalProperties: false },
      setup: () => undefined,
    });
    await refused([fine(), fine], /it is the factory; call it/);
    await refused([fine(), {}], /not what a factory made by definePlugin returns/);
    await refused([fine(), fine()], /another plugin has the same name/);
    await refused([fine(), { ...fine(), name: 'Not Good' }], /lower-case letters/);
    await refused(
      [fine(), { ...fine(), name: 'other', apiVersion: 7 }],
      /speaks version 7 of the contract and this core speaks 1/,
    );
    await refused([fine(), options({ depth: 'deep' } as never)], /its option "depth" must be integer, not "deep"/);
    await refused([fine(), options({ deepth: 1 } as never)], /"deepth" is not known here; did you mean "depth"\?/);
    assert.equal(ran, false);
  });

  it('are set up in order and closed in reverse, after their hooks and listeners are removed', async () => {
    const order: string[] = [];
    const plugin = (name: string) =>
      definePlugin({
        name,
        setup(lamina) {
          order.push(`${name} up`);
          lamina.onClose(() => void order.push(`${name} down`));
        },
      })();
    const lamina = await create(plugin('one'), plugin('two'));
    await lamina.close();
    assert.deepEqual(order, ['one up', 'two up', 'two down', 'one down']);
  });

  it('are closed when a later one fails', async () => {
    const order: string[] = [];
    const one = definePlugin({ name: 'one', setup: (lamina) => lamina.onClose(() => void order.push('one down')) })();
    const two = definePlugin({
      name: 'two',
      setup: () => {
        throw new Error('no licence');
      },
    })();
    await assert.rejects(create(one, two), {
      code: 'PLUGIN_FAILED',
      message: 'Plugin "two" failed in setup: no licence.',
    });
    assert.deepEqual(order, ['one down']);
  });

  it('register extensions only during setup', async () => {
    let register: (() => void) | undefined;
    const late = definePlugin({
      name: 'late',
      setup: (lamina) => void (register = () => lamina.addBackend({} as BackendType)),
    })();
    const lamina = await create(late);
    assert.throws(() => register!(), { code: 'PLUGIN_FAILED', message: /registers something after its setup/ });
    await lamina.close();
  });

  it('cannot register the same backend type, and the message names both', async () => {
    const type = {
      type: 'twin',
      formats: [],
      options: { type: 'object' },
      modelOptions: { type: 'object' },
      lifetime: 'owned',
      create: () => undefined as never,
    } satisfies BackendType;
    const plugin = (name: string) => definePlugin({ name, setup: (lamina) => lamina.addBackend(type) })();
    await assert.rejects(create(plugin('one'), plugin('two')), {
      code: 'PLUGIN_INVALID',
      message: /"two" is invalid: the backend type "twin" is already registered/,
    });
  });

  it('get the given environment, not that of the process, and a directory of their own', async () => {
    let seen: unknown;
    const plugin = definePlugin({ name: 'reader', setup: ({ env, dataDir }) => void (seen = { env, dataDir }) })();
    const lamina = await createLamina({ ...quiet, modelsDir: directory, plugins: [plugin], env: { TOKEN: 'x' } });
    assert.deepEqual(seen, { env: { TOKEN: 'x' }, dataDir: join(directory, '.lamina', 'plugins', 'reader') });
    await lamina.close();
  });

  it('receive no events after they are closed', async () => {
    let received = 0;
    const plugin = definePlugin({
      name: 'listener',
      setup: ({ events }) => void events.onAny(() => (received += 1)),
    })();
    const lamina = await create(plugin);
    const before = received;
    await lamina.close();
    assert.equal(received, before);
  });
});
