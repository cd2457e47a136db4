// A llama-server that hangs is replaced; one that is busy for a long time is not.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina, type LaminaEvent } from '@lamina/core';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, streamChat } from './support/client.js';
import { describeReal, realLlama, writeModels } from './support/engine.js';

describeReal('a real llama-server that does not respond', function () {
  this.timeout(60_000);
  let directory: string;
  let lamina: Lamina;
  let server: Server;
  let url: string;
  const events: LaminaEvent[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-hung-'));
    await writeModels(directory, ['slow'], ['slow']);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  beforeEach(async () => {
    const models = { slow: { path: 'slow.gguf', options: { parallel: 1 } } };
    lamina = await createLamina({
      modelsDir: directory,
      manifest: { models },
      log: 'error',
      limits: { healthInterval: 0.5 },
      plugins: [realLlama()],
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
    events.length = 0;
    lamina.events.onAny((event) => events.push(event));
  });
  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close({ signal: AbortSignal.abort() });
  });

  async function pidOf(model: string): Promise<number> {
    const { server: running } = (await (await fetch(`${url}/models/${model}`)).json()) as { server: { pid: number } };
    return running.pid;
  }

  it('is killed when it is stopped (SIGSTOP): the stream gets an error event, the next request a new engine', async () => {
    let pid: Promise<number> | undefined;
    let behind: ReturnType<typeof streamChat> | undefined;
    const cut = await streamChat(url, chatBody('slow', '/count', { max_tokens: 100_000 }), {
      onText: () => {
        pid ??= pidOf('slow').then((found) => {
          process.kill(found, 'SIGSTOP');
          behind = streamChat(url, chatBody('slow'));
          return found;
        });
      },
    });
    assert.equal(cut.done, false);
    assert.equal(cut.error?.code, 'MODEL_SERVER_EXITED');
    assert.match(cut.error.message, /3 health checks in a row failed/);
    const hung = await pid!;
    const { text, done } = await behind!;
    assert.deepEqual({ text, done }, { text: 'I am slow.', done: true });
    assert.notEqual(await pidOf('slow'), hung);
    assert.throws(() => process.kill(hung, 0), { code: 'ESRCH' });
    const states = events.flatMap((event) => (event.type === 'model.state' ? [event.to] : []));
    assert.deepEqual(states.slice(states.indexOf('degraded')), [
      'degraded',
      'stopping',
      'failed',
      'queued',
      'starting',
      'ready',
    ]);
  });

  it('is not killed while it computes for longer than three checks', async () => {
    // Three seconds or more at this model's speed; three checks take one and a half.
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(chatBody('slow', '/count', { max_tokens: 900 })),
    });
    assert.equal(answer.status, 200);
    const { usage } = (await answer.json()) as { usage: { completion_tokens: number } };
    assert.equal(usage.completion_tokens, 900);
    assert.deepEqual(
      events.filter(({ type }) => type === 'model.failed'),
      [],
    );
  });
});
