import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, hookTable, LaminaError, type HookTaps, type Lamina, type LaminaEvent } from '@lamina/core';
import { definePlugin, type Context, type Model, type PluginContext } from '@lamina/core/plugin';
import type { Hooks } from '../../dist/kernel/hooks.js';

describe('hooks', () => {
  let directory: string;
  let lamina: Lamina | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-hooks-'));
  });
  afterEach(async () => {
    await lamina?.close();
    lamina = undefined;
    await rm(directory, { recursive: true, force: true });
  });

  /**
   * A Lamina that runs a request for one virtual model through the taps of these plugins; returns the result
   * of `beforeRequest`.
   */
  async function runRequest(
    ...setups: ((context: PluginContext) => void)[]
  ): Promise<{ model: string; events: LaminaEvent[]; error: unknown }> {
    const plugins = setups.map((setup, index) => definePlugin({ name: `plugin-${index + 1}`, setup })());
    let model = '';
    const seen = definePlugin({
      name: 'seen',
      setup: ({ hooks }) => hooks.beforeRequest.tap((request) => void (model = request.model), { stage: 1_000 }),
    })();
    lamina = await createLamina({ modelsDir: directory, manifest: {}, log: 'silent', plugins: [...plugins, seen] });
    const events: LaminaEvent[] = [];
    lamina.events.onAny((event) => events.push(event));
    const request = {
      route: 'chat/completions',
      model: 'asked',
      headers: {},
      body: Buffer.from(JSON.stringify({ model: 'asked', messages: [{ role: 'user', content: 'hi' }] })),
    };
    const error: unknown = await lamina.inference
      .open(request, { signal: new AbortController().signal })
      .catch((thrown: unknown) => thrown);
    return { model, events, error };
  }

  it('pass a value from tap to tap; undefined leaves it unchanged', async () => {
    const { model } = await runRequest(
      ({ hooks }) => hooks.beforeRequest.tap((request) => ({ ...request, model: `${request.model}-1` })),
      ({ hooks }) => hooks.beforeRequest.tap(() => undefined),
      ({ hooks }) =>
        hooks.beforeRequest.tap(async (request) => Promise.resolve({ ...request, model: `${request.model}-3` })),
    );
    assert.equal(model, 'asked-1-3');
  });

  it('run in the order of their stages, then of their plugins', async () => {
    const order: string[] = [];
    await runRequest(
      ({ hooks }) => hooks.beforeRequest.tap(() => void order.push('second'), { stage: 5 }),
      ({ hooks }) => hooks.beforeRequest.tap(() => void order.push('first'), { stage: -5 }),
      ({ hooks }) => hooks.beforeRequest.tap(() => void order.push('third'), { stage: 5 }),
    );
    assert.deepEqual(order, ['first', 'second', 'third']);
  });

  it('name the plugin and the hook that failed, and emit plugin.failed', async () => {
    const { error, events } = await runRequest(({ hooks }) =>
      hooks.beforeRequest.tap(() => {
        throw new TypeError('x is not a function');
      }),
    );
    assert.ok(LaminaError.is(error, 'PLUGIN_FAILED'));
    assert.equal(error.message, 'Plugin "plugin-1" failed in beforeRequest: x is not a function.');
    assert.deepEqual(
      events.map(({ type }) => type),
      ['request.started', 'plugin.failed', 'request.finished'],
    );
  });

  it('let a plugin reject a request with an error of its choice', async () => {
    const { error, events } = await runRequest(({ hooks }) =>
      hooks.beforeRequest.tap(() => {
        throw new LaminaError('FORBIDDEN', { message: 'Not on Sundays.' });
      }),
    );
    assert.ok(LaminaError.is(error, 'FORBIDDEN'));
    assert.deepEqual(
      events.map(({ type }) => type),
      ['request.started', 'request.finished'],
    );
  });

  it('treat null as an error', async () => {
    const { error } = await runRequest(({ hooks }) => hooks.beforeRequest.tap((() => null) as never));
    assert.ok(LaminaError.is(error, 'PLUGIN_FAILED'));
    assert.match(error.message, /returned null/);
  });

  it('pass deeply frozen arguments', async () => {
    const { error } = await runRequest(({ hooks }) =>
      hooks.beforeRequest.tap((request) => {
        (request.json!['messages'] as unknown[]).push('mine');
      }),
    );
    assert.ok(LaminaError.is(error, 'PLUGIN_FAILED'));
    assert.match(error.message, /not extensible/);
  });

  it('have a context with the signal of the caller', async () => {
    const caller = new AbortController();
    const plugin = definePlugin({
      name: 'slow',
      setup: ({ hooks }) =>
        hooks.beforeRequest.tap((_request, { signal }) => {
          caller.abort();
          assert.equal(signal.aborted, true);
          return new Promise<never>(() => undefined);
        }),
    })();
    lamina = await createLamina({ modelsDir: directory, manifest: {}, log: 'silent', plugins: [plugin] });
    const opening = lamina.inference.open({ route: 'embeddings', model: 'x', headers: {} }, { signal: caller.signal });
    await assert.rejects(opening, (error: Error) => error.name === 'AbortError');
  });

  it('can all be tapped by a plugin with `tap` alone', async () => {
    let taps: HookTaps | undefined;
    await runRequest(({ hooks }) => void (taps = hooks));
    assert.deepEqual(Object.keys(taps!).sort(), Object.keys(hookTable).sort());
    for (const point of Object.values(taps!)) assert.deepEqual(Object.keys(point), ['tap']);
    assert.ok(Object.isFrozen(taps));
  });

  it('can be run only according to their kind, which the compiler checks', () => {
    const calls = (run: Hooks['run'], context: Context, model: Model) => {
      // @ts-expect-error a synchronous hook has no promise
      void run.selectVictims.promise(
        { need: { model: '', resources: {} }, missing: {}, budget: {}, running: [] },
        context,
      );
      // @ts-expect-error an asynchronous hook cannot be called
      run.describeModel.call(model, context);
      // @ts-expect-error an argument is missing
      void run.beforeStart.promise({}, model, context);
      // @ts-expect-error a waterfall returns its first argument
      const name: Promise<string> = run.describeModel.promise(model, context);
      return name;
    };
    assert.equal(calls.length, 3);
  });

  it('continue without a failing tap where the hook isolates failures', async () => {
    const failing = definePlugin({
      name: 'failing',
      setup: ({ hooks }) => {
        hooks.discoverModels.tap(() => {
          throw new Error('no disk');
        });
      },
    })();
    const finding = definePlugin({
      name: 'finding',
      setup: ({ hooks }) =>
        hooks.discoverModels.tap((discovery) =>
          discovery.add({
            name: 'found',
            files: [],
            format: 'x',
            aliases: [],
            options: {},
            pinned: false,
            limits: {},
            from: 'discovered',
          }),
        ),
    })();
    lamina = await createLamina({ modelsDir: directory, manifest: {}, log: 'silent', plugins: [failing, finding] });
    assert.deepEqual(
      lamina.models.list().map(({ model }) => model.name),
      ['found'],
    );
  });

  it('do not call a plugin that is closed', async () => {
    let calls = 0;
    const { error } = await runRequest(({ hooks }) => hooks.beforeRequest.tap(() => void (calls += 1)));
    assert.ok(LaminaError.is(error, 'MODEL_NOT_FOUND'));
    await lamina!.close();
    await lamina!.inference
      .open({ route: 'embeddings', model: 'x', headers: {} }, { signal: new AbortController().signal })
      .catch(() => undefined);
    assert.equal(calls, 1);
  });
});
