import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Plugin } from '@lamina/core';
import { definePlugin, processBackend, type BackendType, type PluginContext } from '@lamina/core/plugin';

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
    await refused([null], /"number 1" is invalid: it is null, not an object; a plugin is \{ name, setup \}/);
    await refused([fine(), 'fine'], /"number 2" is invalid: it is "fine", not an object/);
    await refused([fine(), {}], /"number 2" is invalid: it has no text "name"; a plugin is \{ name, setup \}/);
    await refused([{ name: 'empty' }], /"empty" is invalid: it has no function "setup"; a plugin is/);
    await refused(
      [{ ...fine(), setUp: 1 }],
      /"fine" is invalid: its member "setUp" is not known; did you mean "setup"\?/,
    );
    await refused(
      [definePlugin({ name: 'loose', setup: () => undefined, option: {} } as never)()],
      /did you mean "options"/,
    );
    await refused([{ ...fine(), needs: ['usages'] }], /it needs "usages", which is not known; did you mean "usage"\?/);
    await refused(
      [{ ...fine(), options: { depth: 1 } }],
      /"fine" is invalid: it takes no options, but was given "depth"/,
    );
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

  it('may need something only with some options', () => {
    const meter = definePlugin({
      name: 'meter',
      options: { type: 'object', properties: { tokens: { type: 'boolean' } } },
      needs: ({ tokens }) => (tokens === true ? ['usage'] : []),
      setup: () => undefined,
    });
    assert.deepEqual([meter().needs, meter({ tokens: true }).needs], [[], ['usage']]);
  });

  it('may be plain objects', async () => {
    const order: string[] = [];
    const lamina = await create({ name: 'plain', setup: ({ name }) => void order.push(name) });
    await lamina.close();
    assert.deepEqual(order, ['plain']);
  });

  it('are named with the member that is wrong in what they register', async () => {
    const type = { type: 'own', formats: [], options: {}, modelOptions: {}, lifetime: 'owned', create: () => ({}) };
    const cases: readonly (readonly [(lamina: PluginContext) => unknown, RegExp])[] = [
      [
        ({ hooks }) => (hooks as never as { beforeStrat: { tap(): void } }).beforeStrat.tap(),
        /"beforeStrat"; did you mean "beforeStart"\?/,
      ],
      [({ hooks }) => hooks.beforeStart.tap(undefined as never), /it taps beforeStart without a function/],
      [
        ({ addSource }) => addSource({ name: 'shelf' } as never),
        /the source "shelf" has the wrong shape: it has no function "resolve"/,
      ],
      [
        ({ addSource }) => addSource(undefined as never),
        /a source has the wrong shape: it is undefined, not an object/,
      ],
      [
        ({ addBackend }) => addBackend({ ...type, create: undefined } as never),
        /the backend type "own": it has no function "create"/,
      ],
      [
        ({ addBackend }) => addBackend({ ...type, formats: 'gguf' } as never),
        /its "formats" must be a list of texts, not "gguf"/,
      ],
      [
        ({ addBackend }) => addBackend({ ...type, lifetime: 'mine' } as never),
        /its "lifetime" must be "owned" or "external", not "mine"/,
      ],
      [
        ({ addBackend }) => addBackend(processBackend({ type: 'own', formats: [], executable: 'x' } as never)),
        /it has no function "command"/,
      ],
    ];
    for (const [setup, message] of cases)
      await assert.rejects(
        create({ name: 'wrong', setup: (lamina) => void setup(lamina) }),
        (error: Error & { code: string }) => {
          assert.match(error.message, /^Plugin "wrong" (is invalid|failed in setup): /);
          assert.match(error.message, message);
          return ['PLUGIN_INVALID', 'PLUGIN_FAILED'].includes(error.code);
        },
      );
  });

  it('are told which member the backend that they create lacks', async () => {
    const type = {
      type: 'own',
      formats: [],
      options: {},
      modelOptions: {},
      lifetime: 'owned',
      create: (name: string) => ({ name }),
    };
    const lamina = await create({ name: 'half', setup: ({ addBackend }) => addBackend(type as never) });
    const own = (await lamina.backends.list()).find(({ name }) => name === 'own');
    await lamina.close();
    assert.match(
      JSON.stringify(own?.availability),
      /the backend of the type \\"own\\" has the wrong shape: it has no function \\"probe\\"/,
    );
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
