// How a model server ends: on request, by force, or by itself.
import assert from 'node:assert/strict';
import { EngineFixture, isAlive, never } from './engine-fixture.js';

const requested = { reason: 'requested', signal: never } as const;

describe('ending an engine process', () => {
  let fixture: EngineFixture;
  beforeEach(() => (fixture = new EngineFixture()));
  afterEach(() => fixture.close());

  it('ends on the first SIGTERM, as an expected exit', async () => {
    const server = await fixture.start({});
    await server.stop(requested);
    const exit = await server.closed;
    assert.deepEqual(
      { signal: exit.signal, expected: exit.expected, reason: exit.reason },
      { signal: 'SIGTERM', expected: true, reason: 'the engine was stopped' },
    );
    assert.throws(() => server.endpoint(), /ended/);
    await fixture.assertNothingLeft();
  });

  it('sends SIGTERM twice to an engine that ignores it, then kills it', async () => {
    const server = await fixture.start({ ignoresTerm: true });
    await server.stop(requested);
    assert.equal((await server.closed).signal, 'SIGKILL');
    assert.deepEqual(
      fixture.lines.filter((line) => line.startsWith('term')),
      ['term 1', 'term 2'],
    );
  });

  it('kills at once when the signal is aborted', async () => {
    const server = await fixture.start({ ignoresTerm: true });
    const hurry = new AbortController();
    const stopping = server.stop({ reason: 'evicted', signal: hurry.signal });
    await fixture.line(/^term 1$/);
    hurry.abort();
    await stopping;
    assert.equal((await server.closed).signal, 'SIGKILL');
    assert.ok(!fixture.lines.includes('term 2'));
  });

  it('is one stop for any number of calls', async () => {
    const server = await fixture.start({ ignoresTerm: true });
    const graceful = server.stop(requested);
    await fixture.line(/^term 1$/);
    await Promise.all([graceful, server.stop({ reason: 'shutdown', signal: AbortSignal.abort() })]);
    await server.stop(requested);
    assert.ok(!fixture.lines.includes('term 2'));
  });

  it('ends with its grandchildren, also those that ignore SIGTERM', async () => {
    const server = await fixture.start({ grandchild: true });
    const grandchild = await fixture.grandchild();
    await server.stop(requested);
    assert.equal(await isAlive(grandchild), false);
  });

  it('kills what a crashed leader leaves behind, and reports a crash', async () => {
    const server = await fixture.start({ grandchild: true });
    const grandchild = await fixture.grandchild();
    await fetch(`http://127.0.0.1:${fixture.ports[0]}/control/exit?code=3`).catch(() => undefined);
    const exit = await server.closed;
    assert.deepEqual({ code: exit.code, expected: exit.expected }, { code: 3, expected: false });
    assert.equal(await isAlive(grandchild), false);
    await fixture.assertNothingLeft();
  });

  it('explains a crash by the backend', async () => {
    const server = await fixture.start(
      { print: ['CUDA error'] },
      { explain: (lines, { exit }) => `${lines[0]} (${exit.signal})` },
    );
    process.kill(server.pid!, 'SIGSEGV');
    const exit = await server.closed;
    assert.equal(exit.reason, 'CUDA error (SIGSEGV)');
    assert.ok(exit.lastLines.includes('CUDA error'));
  });
});

describe('the health of an engine process', () => {
  let fixture: EngineFixture;
  beforeEach(() => (fixture = new EngineFixture()));
  afterEach(() => fixture.close());

  it('is ok while the ready route responds, dead when the process has ended', async () => {
    const server = await fixture.start({}, { ready: '/v1/models' });
    assert.equal(await server.check!(never), 'ok');
    await server.stop(requested);
    assert.equal(await server.check!(never), 'dead');
  });

  it('is the result of the check of the backend, and fails with it', async () => {
    const answers = ['ok', 'degraded', 'fail'];
    const check = () => {
      const answer = answers.shift()!;
      return answer === 'fail' ? Promise.reject(new Error('refused')) : Promise.resolve(answer as 'ok');
    };
    const server = await fixture.start({}, { check });
    assert.deepEqual([await server.check!(never), await server.check!(never)], ['ok', 'degraded']);
    await assert.rejects(server.check!(never), /refused/);
  });

  it('fails when the ready route responds with an error', async () => {
    const server = await fixture.start({});
    await fetch(`http://127.0.0.1:${fixture.ports[0]}/control/loading`);
    await assert.rejects(server.check!(never), /\/health responds with 503/);
  });

  it('ends a check with the reason of its signal', async () => {
    const server = await fixture.start({});
    await assert.rejects(server.check!(AbortSignal.abort(new Error('enough'))), /enough/);
  });

  it('has sleep and wake only when the backend has them', async () => {
    const requestedPaths: string[] = [];
    const note =
      (path: string) =>
      async ({ request }: { request(path: string): Promise<unknown> }) =>
        void requestedPaths.push(((await request(path)) as { path: string }).path);
    const server = await fixture.start({}, { sleep: note('/control/sleep'), wake: note('/control/wake') });
    await server.sleep!(never);
    await server.wake!(never);
    assert.deepEqual(requestedPaths, ['/control/sleep', '/control/wake']);
    assert.equal((await fixture.start({})).sleep, undefined);
  });
});
