// `InferenceRequest.fallbacks`: the models that get a request when its own cannot start.
import assert from 'node:assert/strict';
import { LaminaError, type Logger, type LaminaEvent, type Plugin } from '@lamina/core';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';

type Finished = LaminaEvent<'request.finished'>;

const messages = [{ role: 'user', content: 'hi' }];
const fake = (options: object = {}) => ({ path: 'model.fake', backend: 'fake', options });

describe('the fallbacks of a request', () => {
  let lamina: TestLamina;
  let finished: Finished[];
  let warnings: object[];
  let signal: AbortSignal;
  const log: Logger = {
    debug() {},
    info() {},
    warn: (data) => void warnings.push(data),
    error() {},
    child: () => log,
  };

  const open = async (fallbacks: readonly string[], models: Record<string, object>, limits = {}) => {
    const plugin: Plugin = {
      name: 'fallbacks',
      setup: ({ hooks }) => hooks.beforeRequest.tap((request) => ({ ...request, fallbacks })),
    };
    lamina = await createTestLamina({
      files: { 'model.fake': 'a fake model' },
      plugins: [fakePlugin(), plugin],
      manifest: { models: { small: fake(), ...models } },
      limits,
      log,
    });
    lamina.events.on('request.finished', (event) => void finished.push(event));
  };
  const answer = (model: string) => lamina.chat({ model, messages }, { signal }).text();
  const codeOf = (error: unknown) => (LaminaError.is(error) ? error.code : String(error));
  const tell = ({ model, answered_by, status }: Finished) => ({ model, answered_by, status });
  beforeEach(() => {
    finished = [];
    warnings = [];
    signal = AbortSignal.timeout(30_000);
  });
  afterEach(() => lamina.close());

  it('are not used when the model can start', async () => {
    await open(['small'], { big: fake() });
    assert.match(await answer('big'), /^big: /);
    assert.deepEqual(finished.map(tell), [{ model: 'big', answered_by: undefined, status: 200 }]);
    assert.deepEqual(
      lamina.runtime.slots().map(({ model }) => model),
      ['big'],
    );
  });

  for (const [what, model, code] of [
    ['its engine fails', fake({ exit_code: 1 }), 'MODEL_START_FAILED'],
    ['its files are missing', { path: 'gone.fake', backend: 'fake' }, 'MODEL_FILES_MISSING'],
    ['no backend can run it', { path: 'model.fake', backend: 'nothing' }, 'BACKEND_UNAVAILABLE'],
    ['it does not fit into memory', fake({ memory_bytes: 1e15 }), 'OUT_OF_MEMORY'],
    ['it does not exist', undefined, 'MODEL_NOT_FOUND'],
  ] as const)
    it(`are used when the model cannot start because ${what}`, async () => {
      await open(['small'], model === undefined ? {} : { big: model });
      assert.match(await answer('big'), /^small: /);
      assert.deepEqual(finished.map(tell), [{ model: 'big', answered_by: 'small', status: 200 }]);
      const [{ model: failed, fallback, code: told }] = warnings.filter((data) => 'fallback' in data) as [never];
      assert.deepEqual([failed, fallback, told], ['big', 'small', code]);
    });

  it('are used at once while the model backs off after a failure', async () => {
    await open(['small'], { big: fake({ exit_code: 1 }) }, { maxLoaded: 2 });
    await lamina.runtime.start('small', { signal }); // The first answer comes before the back-off has ended.
    await answer('big');
    assert.match(await answer('big'), /^small: /);
    const codes = warnings.flatMap((data) => ('fallback' in data && 'code' in data ? [data.code] : []));
    assert.deepEqual(codes, ['MODEL_START_FAILED', 'START_BACKING_OFF']);
  });

  it('are tried in order; when none can start, the error is that of the last', async () => {
    const models = { big: fake({ exit_code: 1 }), middle: { path: 'gone.fake', backend: 'fake' } };
    await open(['unknown', 'middle', 'small'], models);
    assert.match(await answer('big'), /^small: /);
    await lamina.models.remove('small');
    await assert.rejects(answer('big'), (error) => {
      assert.equal(codeOf(error), 'MODEL_NOT_FOUND');
      assert.match(String(error), /"small"/);
      return true;
    });
    assert.deepEqual(tell(finished[1]!), { model: 'big', answered_by: undefined, status: 404 });
  });

  it('are not used for a client that leaves while the model starts', async () => {
    await open(['small'], { big: fake({ load_ms: 60_000 }) });
    const leaving = new AbortController();
    const chat = lamina.chat({ model: 'big', messages }, { signal: leaving.signal }).text();
    await lamina.events.once('model.state', { signal, where: ({ to }) => to === 'starting' });
    leaving.abort();
    await assert.rejects(chat, { code: 'ABORTED' });
    assert.deepEqual(warnings, []);
  });

  it('are not used for a request that waits too long', async () => {
    await open(['small'], { big: fake({ load_ms: 60_000 }) }, { queueTimeout: 0.1 });
    await assert.rejects(answer('big'), { code: 'QUEUE_TIMEOUT' });
    assert.deepEqual(warnings, []);
  });

  it('get the request under the id that their engine knows', async () => {
    await open(['small'], { big: fake({ exit_code: 1 }), small: fake({ ids: ['small-v1'] }) });
    await answer('big');
    const lease = await lamina.runtime.acquire('small', { signal });
    const { origin } = new URL(lease.endpoint().baseUrl);
    const state = (await (await fetch(`${origin}/fake/state`)).json()) as { last: { body: { model: string } } };
    lease.release();
    assert.equal(state.last.body.model, 'small-v1');
  });
});
