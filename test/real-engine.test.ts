import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina } from '@lamina/core';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, post, streamChat } from './support/client.js';
import { describeReal, llamaServer, realLlama, writeModels } from './support/engine.js';
import { processesWith, startServer } from './support/server-process.js';

const endless = (model: string) => chatBody(model, '/count', { max_tokens: 100_000 });

describeReal('a server on a real llama-server', function () {
  this.timeout(60_000);
  let directory: string;
  let lamina: Lamina;
  let server: Server;
  let url: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-engine-'));
    await writeModels(directory, ['swift', 'slow'], ['slow']);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  beforeEach(async () => {
    const models = { swift: { path: 'swift.gguf' }, slow: { path: 'slow.gguf', options: { parallel: 2 } } };
    lamina = await createLamina({
      modelsDir: directory,
      manifest: { models },
      plugins: [realLlama()],
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  });
  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close({ signal: AbortSignal.abort() });
  });

  /** The number of busy slots, as the engine reports it. */
  async function busySlots(): Promise<number> {
    const lease = await lamina.runtime.acquire('slow', { signal: AbortSignal.timeout(10_000) });
    try {
      const { baseUrl, headers } = lease.endpoint();
      const slots = (await (await fetch(`${new URL(baseUrl).origin}/slots`, { headers: { ...headers } })).json()) as {
        is_processing: boolean;
      }[];
      return slots.filter((slot) => slot.is_processing).length;
    } finally {
      lease.release();
    }
  }

  it('stops the generation when its client disconnects', async () => {
    const caller = new AbortController();
    const chat = streamChat(url, endless('slow'), { signal: caller.signal, onText: () => caller.abort() });
    await assert.rejects(chat, { name: 'AbortError' });
    const limit = Date.now() + 10_000;
    while ((await busySlots()) > 0) assert.ok(Date.now() < limit, 'the engine still generates');
  });

  it('lets an explicit start outlive its caller', async () => {
    const answer = await post(`${url}/models/swift/start?wait=false`);
    assert.equal(answer.status, 202);
    if (lamina.runtime.slot('swift').state !== 'ready')
      await lamina.events.once('model.ready', { signal: AbortSignal.timeout(20_000) });
    assert.equal(lamina.runtime.slot('swift').state, 'ready');
    assert.equal((await post(`${url}/models/swift/start`)).status, 200);
    assert.equal((await post(`${url}/models/swift/stop`)).status, 200);
    assert.equal(lamina.runtime.slot('swift').state, 'stopped');
  });

  it('aborts a start that no request waits for', async () => {
    const caller = new AbortController();
    const starting = lamina.events.once('model.state', {
      signal: AbortSignal.timeout(20_000),
      where: ({ to }) => to === 'starting',
    });
    const chat = streamChat(url, chatBody('slow'), { signal: caller.signal });
    await starting;
    caller.abort();
    await assert.rejects(chat, { name: 'AbortError' });
    await settledAfter(lamina, 'slow');
    assert.deepEqual(
      processesWith(join(directory, 'slow.gguf')).length,
      lamina.runtime.slot('slow').state === 'ready' ? 1 : 0,
    );
  });

  it('reports to a client in the middle of a stream that its engine was killed, and starts a new engine for the next one', async () => {
    let received = '';
    const answer = await streamChat(url, endless('slow'), {
      onText: (text) => {
        if (received === '') process.kill(lamina.runtime.slot('slow').pid!, 'SIGKILL');
        received += text;
      },
    });
    assert.equal(answer.done, false);
    assert.equal(answer.error?.code, 'MODEL_SERVER_EXITED');
    assert.match(answer.error.message, /The engine of model "slow" exited during the request: .*SIGKILL/);
    const next = await streamChat(url, chatBody('slow'));
    assert.deepEqual({ text: next.text, done: next.done }, { text: 'I am slow.', done: true });
  });

  it('does not use another server on the port as the model', async () => {
    // The other server responds 200 to every request; it binds the port that Lamina chose before the engine
    // can.
    const file = join(directory, 'with-other-server.sh');
    const note = join(directory, 'other-server');
    await writeFile(file, scriptWithOtherServer(note), { mode: 0o755 });
    const other = await createLamina({
      modelsDir: directory,
      dataDir: join(directory, 'other'),
      log: 'silent', // It warns of the other server, as it should.
      manifest: { models: { swift: { path: 'swift.gguf' } } },
      plugins: [llamacpp({ executable: file, threads: 1, context_length: 1024 })],
    });
    try {
      const lease = await other.runtime.acquire('swift', { signal: AbortSignal.timeout(30_000) });
      const { baseUrl } = lease.endpoint();
      const [port, pid] = (await readFile(note, 'utf8')).split(' ');
      process.kill(Number(pid), 'SIGKILL');
      assert.notEqual(new URL(baseUrl).port, port);
      assert.equal(lease.info.verified, true);
      lease.release();
    } finally {
      await other.close();
    }
  });
});

describeReal('the lamina-server command on a real llama-server', function () {
  this.timeout(60_000);
  let directory: string;
  let args: string[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-command-'));
    await writeModels(directory, ['slow'], ['slow']);
    const manifest = {
      models: { slow: { path: 'slow.gguf', limits: { drain_timeout: 0.5 } } },
      backends: { 'llama.cpp': { executable: llamaServer, threads: 1, context_length: 1024 } },
    };
    await writeFile(join(directory, 'models.yaml'), JSON.stringify(manifest));
    args = ['--models-dir', directory];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('ends everything within its limits on SIGTERM during a stream', async () => {
    const server = await startServer(args);
    let signalled = false;
    const answer = await streamChat(server.url, endless('slow'), {
      onText: () => {
        if (!signalled) server.kill('SIGTERM');
        signalled = true;
      },
    });
    assert.deepEqual({ code: answer.error?.code, done: answer.done }, { code: 'SHUTTING_DOWN', done: false });
    assert.equal(await server.exited, 0);
    assert.deepEqual(processesWith(directory), []);
  });

  it('leaves no engine behind when it is killed itself', async () => {
    const server = await startServer(args);
    assert.equal((await streamChat(server.url, chatBody('slow'))).text, 'I am slow.');
    const engines = processesWith(join(directory, 'slow.gguf'));
    assert.equal(engines.length, 1);
    server.kill('SIGKILL');
    assert.equal(await server.exited, 'SIGKILL');
    const limit = Date.now() + 15_000;
    while (processesWith(directory).length > 0) {
      assert.ok(Date.now() < limit, 'an engine is still running');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const again = await startServer(args);
    assert.equal((await streamChat(again.url, chatBody('slow'))).text, 'I am slow.');
    again.kill('SIGTERM');
    assert.equal(await again.exited, 0);
  });
});

/**
 * An engine that at its first start finds another server on its port: in a session of its own, responding 200
 * to every request.
 */
function scriptWithOtherServer(note: string): string {
  const yes = `require("http").createServer((_, r) => r.end("{}")).listen(+process.argv[1], "127.0.0.1")`;
  const connects = `require("net").connect(+process.argv[1], "127.0.0.1").on("connect", () => process.exit(0)).on("error", () => process.exit(1))`;
  return `#!/bin/sh
port=$(printf '%s\\n' "$@" | sed -n '/^--port$/{n;p;}')
if [ -n "$port" ] && [ ! -e '${note}' ]; then
  setsid '${process.execPath}' -e '${yes}' "$port" > /dev/null 2>&1 &
  echo "$port $!" > '${note}'
  until '${process.execPath}' -e '${connects}' "$port"; do :; done
fi
exec '${llamaServer}' "$@"
`;
}

/** Resolves once an aborted start, or one that completed just before, is over. */
async function settledAfter(lamina: Lamina, model: string): Promise<void> {
  const { state } = lamina.runtime.slot(model);
  if (state === 'stopped' || state === 'ready') return;
  await lamina.events.once('model.state', {
    signal: AbortSignal.timeout(20_000),
    where: ({ to }) => to === 'stopped' || to === 'ready',
  });
}
