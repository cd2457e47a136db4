// An engine that hangs (here: stopped by SIGSTOP) is replaced; no request waits for it forever.
import assert from 'node:assert/strict';
import type { LaminaEvent } from '@lamina/core';
import { watchForLeaks } from '@lamina/testing';
import { chat, errorOf, startTestServer, until, type TestServer } from './support/test-server.js';
import { openRemote, type Remote } from './support/remote.js';
import { TestSocket } from './support/socket.js';
import { readToEnd } from './support/stream.js';

describe('an engine that hangs', function () {
  this.timeout(40_000);
  let testServer: TestServer;
  let far: Remote | undefined;
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  afterEach(async () => {
    await testServer.close();
    await far?.close();
    far = undefined;
  });

  const limits = { healthInterval: 0.5 };

  it('is killed: a stream under way gets an error, an unanswered request goes to a new engine, and events report it', async () => {
    testServer = await startTestServer({ models: { tiny: { chunk_ms: 1, parallel: 2 } }, lamina: { limits } });
    const events: LaminaEvent[] = [];
    testServer.lamina.events.onAny((event) => events.push(event));
    const begun = (
      await testServer.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }))
    ).body!.getReader();
    await begun.read();
    const socket = await TestSocket.open(testServer.url);
    socket.start('begun', 'tiny', '/count');
    await socket.next('chat.chunk');
    const hung = testServer.lamina.runtime.slot('tiny').pid!;
    process.kill(hung, 'SIGSTOP');
    // The engine computes two at once, so these wait in Lamina's queue until it is replaced.
    const queued = testServer.post('/v1/chat/completions', chat('tiny'));
    socket.start('queued');
    const { text, broken } = await readToEnd(begun);
    assert.equal(broken, true);
    assert.match(
      text,
      /"message":"The engine of model \\"tiny\\" exited during the request: 3 health checks in a row failed .*"code":"MODEL_SERVER_EXITED"/,
    );
    const { last } = await socket.ended('begun');
    assert.equal(last.type === 'chat.error' && last.error.code, 'MODEL_SERVER_EXITED');
    assert.match(await (await queued).text(), /tiny: 1 2 3 4/);
    assert.equal((await socket.ended('queued')).last.type, 'chat.done');
    assert.notEqual(testServer.lamina.runtime.slot('tiny').pid, hung);
    assert.throws(() => process.kill(hung, 0), { code: 'ESRCH' });
    const told = events.flatMap((event) =>
      event.type === 'model.state' ? [event.to] : event.type === 'model.failed' ? [event.error.code] : [],
    );
    assert.deepEqual(told, [
      'queued',
      'starting',
      'ready',
      'degraded',
      'stopping',
      'failed',
      'MODEL_SERVER_EXITED',
      'queued',
      'starting',
      'ready',
    ]);
    await socket.close();
  });

  it('does not block a request that it has not answered yet: a new engine answers', async () => {
    testServer = await startTestServer({ lamina: { limits } });
    await (await testServer.post('/v1/chat/completions', chat('tiny'))).text();
    const hung = testServer.lamina.runtime.slot('tiny').pid!;
    process.kill(hung, 'SIGSTOP');
    const answer = await testServer.post('/v1/chat/completions', chat('tiny'));
    assert.match(await answer.text(), /tiny: 1 2 3 4/);
    assert.notEqual(testServer.lamina.runtime.slot('tiny').pid, hung);
  });

  it('is not killed while it sends, although it fails its health checks', async () => {
    testServer = await startTestServer({ models: { tiny: { chunk_ms: 20, hang_health: true } }, lamina: { limits } });
    const answer = (
      await testServer.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }))
    ).body!.getReader();
    let failedChecks = 0;
    testServer.lamina.events.on('model.state', ({ to }) => (failedChecks += to === 'degraded' ? 1 : 0));
    await until('a check failed', async () => (await answer.read(), failedChecks > 0));
    // Longer than three checks take.
    for (let piece = 0; piece < 250; piece++) assert.equal((await answer.read()).done, false);
    assert.equal(testServer.lamina.runtime.slot('tiny').state, 'degraded');
    await answer.cancel();
  });

  it('that is remote does not block either: the backend is chosen again, and the next request tries again', async () => {
    let silent = false;
    far = await openRemote((request, response) => {
      if (!silent) response.end('{"data":[]}');
      else request.resume();
    });
    const manifest = {
      backends: { theirs: { type: 'remote', base_url: `${far.url}/v1` } },
      models: { far: { backend: 'theirs' } },
    };
    testServer = await startTestServer({ lamina: { limits, manifest } });
    await (await testServer.post('/v1/chat/completions', chat('far'))).text();
    silent = true;
    const answer = await testServer.post('/v1/chat/completions', chat('far'));
    assert.equal(answer.status, 503);
    assert.equal((await errorOf(answer)).code, 'BACKEND_UNREACHABLE');
    silent = false;
    assert.equal((await testServer.post('/v1/chat/completions', chat('far'))).status, 200);
  });
});
