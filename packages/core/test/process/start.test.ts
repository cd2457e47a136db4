// A start, from the spawn to a ready server or a reason for the failure.
import assert from 'node:assert/strict';
import { LaminaError } from '../../dist/contract/errors.js';
import { EngineFixture, isAlive, never } from './engine-fixture.js';

describe('starting an engine process', () => {
  let fixture: EngineFixture;
  beforeEach(() => (fixture = new EngineFixture()));
  afterEach(() => fixture.close());

  it('resolves with an endpoint that accepts its key and is verified to be the started engine', async () => {
    const server = await fixture.start({});
    const { baseUrl, headers } = server.endpoint();
    assert.equal(baseUrl, `http://127.0.0.1:${fixture.ports[0]}/v1`);
    assert.equal((await fetch(`${baseUrl}/models`, { headers: headers! })).status, 200);
    assert.equal((await fetch(`${baseUrl}/models`)).status, 401);
    assert.equal(server.info.verified, true);
    assert.equal(server.pid, fixture.pids[0]);
  });

  it('is ready only when the engine no longer reports that it is loading', async () => {
    let settled = false;
    const starting = fixture.start({ loading: true }).finally(() => (settled = true));
    await fixture.line(/^listening/);
    const port = fixture.ports[0]!;
    for (let attempt = 0; attempt < 5; attempt += 1)
      assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 503);
    assert.equal(settled, false);
    await fetch(`http://127.0.0.1:${port}/control/ready`);
    await starting;
    assert.deepEqual(fixture.stages, ['loading']);
  });

  it('reports a server without a key as unverified', async () => {
    const server = await fixture.start({ open: true }, { identity: false });
    assert.equal(server.info.verified, false);
  });

  it('asks the ready server for its capabilities, with its key', async () => {
    const server = await fixture.start(
      {},
      {
        basePath: '/api/v2',
        inspect: async ({ request, endpoint }) => {
          const answer = (await request('/v1/models')) as { status: number };
          await assert.rejects(request('/v1/models', { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
          return { contextLength: answer.status, ids: { base: endpoint.baseUrl } };
        },
      },
    );
    assert.equal(server.info.contextLength, 200);
    assert.equal(server.info.ids?.['base'], `http://127.0.0.1:${fixture.ports[0]}/api/v2`);
  });

  it('fails and leaves nothing behind when the capabilities cannot be read', async () => {
    const error = await fixture.failure(
      {},
      {
        inspect: ({ request }) =>
          request('/v1/models', { method: 'DELETE' }).then(() => Promise.reject(new Error('no such route'))),
      },
    );
    assert.equal(
      error.message,
      'Model "tiny" failed to start: its engine is ready, but its capabilities could not be read: no such route',
    );
    await fixture.assertNothingLeft();
  });

  it('does not quote the key when the engine responds with it', async () => {
    let key = '';
    const error = await fixture.failure(
      {},
      {
        inspect: ({ request, endpoint }) => {
          key = endpoint.headers!['authorization']!.slice('Bearer '.length);
          return request('/control/echo').then(() => ({}));
        },
      },
    );
    assert.match(error.message, /control\/echo responded with 500: .*\[redacted\]/);
    assert.ok(!JSON.stringify([error.message, error.details]).includes(key));
  });

  it('explains a failed load by the backend, with the last lines and the exit code', async () => {
    const print = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`);
    const explain = (lines: readonly string[]) =>
      lines.length === 30 ? `the file is broken (${lines.at(-1)})` : undefined;
    const error = await fixture.failure({ print, exit: { code: 7 } }, { explain });
    assert.equal(error.code, 'MODEL_START_FAILED');
    assert.equal(error.message, 'Model "tiny" failed to start: the file is broken (line 30)');
    assert.equal(error.details['exit_code'], 7);
    assert.deepEqual(error.details['last_lines'], print.slice(10));
    await fixture.assertNothingLeft();
  });

  it('reports the last informative line when the backend has no explanation', async () => {
    const error = await fixture.failure({ print: ['loading', 'RuntimeError: no GPU', 'goodbye'], exit: { code: 1 } });
    assert.equal(error.details['reason'], 'the engine ended with code 1: RuntimeError: no GPU');
  });

  it('is not flooded by an engine that prints 10 MB without a newline', async () => {
    const error = await fixture.failure(
      {},
      { command: () => ({ args: ['-e', `process.stdout.write('x'.repeat(1e7), () => process.exit(3))`] }) },
    );
    assert.deepEqual(error.details['last_lines'], [`${'x'.repeat(2000)} …`]);
  });

  it('says that another program killed the engine, while the system counts no kill for memory', async () => {
    const error = await fixture.failure({ exit: { signal: 'SIGKILL' } });
    assert.equal(error.details['reason'], 'another program killed the engine with SIGKILL; memory had not run out');
    assert.equal(error.details['signal'], 'SIGKILL');
  });

  it('survives a backend whose functions throw', async () => {
    const broken = () => {
      throw new TypeError('oops');
    };
    const error = await fixture.failure(
      { print: ['one', 'two'], exit: { code: 2 } },
      { explain: broken, progress: broken },
    );
    assert.equal(error.details['reason'], 'the engine ended with code 2: two');
    assert.equal(fixture.logged.filter((sentence) => sentence.includes('progress')).length, 1);
  });

  it('reports the progress in lines of output until it is ready', async () => {
    const server = await fixture.start(
      { print: ['shards 50%'], ignoresTerm: true },
      { progress: (line) => ({ stage: line.replace(/\d+$/, '') }) },
    );
    void server.stop({ reason: 'requested', signal: never });
    await fixture.line(/^term 1$/);
    assert.deepEqual(fixture.stages.slice(0, 2), ['loading', 'shards 50%']);
    assert.ok(!fixture.stages.some((stage) => stage.startsWith('term')));
  });

  it('fails with the limit that was exceeded, the output, and what was found on the port', async () => {
    const limit = new AbortController();
    const failing = fixture.failure({ loading: true, print: ['reading weights'] }, {}, limit.signal);
    await fixture.line(/^listening/);
    assert.equal((await fetch(`http://127.0.0.1:${fixture.ports[0]}/health`)).status, 503);
    const reason = 'it was not ready within 1 s';
    limit.abort(new LaminaError('MODEL_START_FAILED', { model: 'tiny', reason, limit: 1 }));
    const { details } = await failing;
    assert.match(String(details['reason']), /^it was not ready within 1 s; /);
    assert.equal(details['limit'], 1);
    assert.ok((details['last_lines'] as string[]).includes('reading weights'));
    await fixture.assertNothingLeft();
  });

  it('fails at the limit when the health route hangs', async () => {
    const limit = new AbortController();
    const failing = fixture.failure({ hangs: true }, {}, limit.signal);
    await fixture.line(/^listening/);
    const reason = new Error('too long');
    limit.abort(reason);
    assert.equal(await failing, reason);
    await fixture.assertNothingLeft();
  });

  it('rejects only after everything has ended when it is aborted, grandchildren included', async () => {
    const caller = new AbortController();
    const failing = fixture.failure({ silent: true, grandchild: true, ignoresTerm: true }, {}, caller.signal);
    const grandchild = await fixture.grandchild();
    assert.equal(await isAlive(grandchild), true);
    const reason = new Error('nobody wants it');
    caller.abort(reason);
    assert.equal(await failing, reason);
    assert.equal(await isAlive(grandchild), false);
    await fixture.assertNothingLeft();
  });

  it('is not blocked by a backend that ignores the signal', async () => {
    const caller = new AbortController();
    const reason = new Error('nobody wants it');
    const stuck = () => {
      setImmediate(() => caller.abort(reason));
      return new Promise<never>(() => undefined);
    };
    assert.equal(await fixture.failure({}, { inspect: stuck }, caller.signal), reason);
    assert.equal(fixture.pids.length, 1);
    await fixture.assertNothingLeft();
  });

  it('starts nothing when it was aborted before', async () => {
    await assert.rejects(fixture.start({}, {}, AbortSignal.abort(new Error('too late'))), /too late/);
    assert.deepEqual(fixture.pids, []);
  });

  it('passes on refusals of the backend, and names errors of the system', async () => {
    const refusal = new LaminaError('CONFIG_INVALID', { message: 'no such flag' });
    assert.equal(await fixture.failure({}, { command: () => Promise.reject(refusal) }), refusal);
    const error = await fixture.failure({}, { command: () => ({ args: [], cwd: '/no/such/folder' }) });
    assert.match(error.message, /^Model "tiny" failed to start: its engine could not be started: .*\/no\/such\/folder/);
  });
});
