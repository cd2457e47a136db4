// The log of an engine as the page follows it: over restarts of the engine, of the connection and of the server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { connect, type LaminaClient } from '@lamina/client';
import { createServer, type Server } from '@lamina/server-koa';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';
import { withoutControls } from '../page/dist/plain-text.js';
import { followEngineLog, logFileName, textOfLog, type LogLine } from '../page/dist/views/logs/engine-log.js';

/** A server whose model prints its start. */
async function startServer(): Promise<{ lamina: TestLamina; server: Server; port: number }> {
  const model = { path: 'tiny.fake', backend: 'fake', options: { stderr: ['\x1b[32mgreen\x1b[0m'] } };
  const manifest = { models: { tiny: model } };
  const lamina = await createTestLamina({ files: { 'tiny.fake': 'x' }, plugins: [fakePlugin()], manifest });
  const server = createServer(lamina, { port: 0 });
  return { lamina, server, port: Number(new URL(await server.listen()).port) };
}

async function stopServer({ lamina, server }: { lamina: TestLamina; server: Server }): Promise<void> {
  const closed = server.close();
  await lamina.close();
  await closed;
}

describe('the log of an engine in the page', () => {
  let running: Awaited<ReturnType<typeof startServer>>;
  let client: LaminaClient;
  let leaving: AbortController;
  let lines: LogLine[];
  let followed: Promise<unknown>;
  let onLine: () => void;
  /** Between client and server, so that connections can be lost and lead to another server. */
  const sockets = new Set<Socket>();
  const proxy = createTcpServer((socket) => {
    const other = connectTcp(running.port, '127.0.0.1');
    socket.pipe(other).pipe(socket);
    for (const [one, another] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined).on('close', () => (sockets.delete(one), another.destroy()));
    }
  });
  const loseConnections = (): void => sockets.forEach((socket) => socket.destroy());

  before(async () => {
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  after(async () => {
    proxy.close();
    loseConnections();
    await once(proxy, 'close');
  });
  beforeEach(async () => {
    running = await startServer();
    client = connect(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    leaving = new AbortController();
    lines = [];
    onLine = () => undefined;
    followed = followEngineLog(client, 'tiny', leaving.signal, (line) => {
      lines.push(line);
      onLine();
    }).catch((error: Error) => error);
  });
  afterEach(async () => {
    leaving.abort();
    await followed;
    client.close();
    await stopServer(running);
  });

  /** Resolves when so many lines have the text. */
  const seen = (text: string, times = 1): Promise<void> =>
    new Promise((resolve) => {
      onLine = () => {
        if (lines.filter((line) => line.text.startsWith(text)).length >= times) resolve();
      };
      onLine();
    });
  const texts = () => lines.map(({ stream, text }) => `${stream}: ${text.replace(/:\d+$/, '')}`);
  const oneStart = [
    'lamina: Starting the engine',
    'stderr: green',
    'stderr: loading: 0 %',
    'stderr: loading: 50 %',
    'stderr: loading: 100 %',
    'stderr: listening on http://127.0.0.1',
  ];

  it('goes on when the engine is started again', async () => {
    await running.lamina.runtime.start('tiny');
    await seen('listening');
    await running.lamina.runtime.stop('tiny');
    await running.lamina.runtime.start('tiny');
    await seen('listening', 2);
    assert.deepEqual(texts(), [...oneStart, ...oneStart]);
  });

  it('goes on after the last line when the connection was lost', async () => {
    await running.lamina.runtime.start('tiny');
    await seen('listening');
    loseConnections();
    await running.lamina.runtime.stop('tiny');
    await running.lamina.runtime.start('tiny');
    await seen('listening', 2);
    assert.deepEqual(texts(), [...oneStart, ...oneStart]);
  });

  it('begins again at the first line of another server, and says so', async () => {
    await running.lamina.runtime.start('tiny');
    await seen('listening');
    const first = running;
    running = await startServer();
    await running.lamina.runtime.start('tiny');
    await stopServer(first);
    await seen('listening', 2);
    assert.deepEqual(texts(), [...oneStart, 'page: The server was started again', ...oneStart]);
  });

  const connection = (event: 'connected' | 'disconnected') =>
    new Promise<unknown>((resolve) => client.on(event, resolve, { signal: leaving.signal }));

  it('ends when the page leaves it', async () => {
    await connection('connected');
    leaving.abort();
    assert.equal(((await followed) as { code?: string }).code, 'ABORTED');
  });

  it('ends when the page leaves it while there is no connection', async () => {
    await connection('connected');
    const lost = connection('disconnected');
    loseConnections();
    await lost;
    await new Promise(setImmediate);
    leaving.abort();
    assert.equal(((await followed) as { code?: string }).code, 'ABORTED');
  });

  it('fails when the model is removed', async () => {
    await running.lamina.runtime.start('tiny');
    await seen('listening');
    await running.lamina.runtime.stop('tiny');
    await running.lamina.models.remove('tiny');
    assert.equal(((await followed) as { code?: string }).code, 'MODEL_NOT_FOUND');
  });

  it('fails for a model that does not exist', async () => {
    const following = followEngineLog(client, 'nothing', leaving.signal, () => undefined);
    await assert.rejects(following, { code: 'MODEL_NOT_FOUND' });
  });
});

describe('lines of engines', () => {
  it('are shown without colours, cursor movements and control characters', () => {
    for (const [line, text] of [
      ['\x1b[1;32mready\x1b[0m', 'ready'],
      ['\x1b[2K\x1b[1Gloading\r', 'loading'],
      ['\x1b]0;title\x07done\x1b]8;;http://a\x1b\\', 'done'],
      ['a\tb', 'a\tb'],
      ['nul\0bell\x07del\x7f', 'nulbelldel'],
      ['\u202eabc\u2066', 'abc'],
      ['50 % – ünï [0m', '50 % – ünï [0m'],
    ])
      assert.equal(withoutControls(line!), text);
  });

  it('are copied and saved with their time and stream, in a file named after the model', () => {
    const at = '2026-01-02T03:04:05.678Z';
    assert.equal(
      textOfLog([
        { at, stream: 'stderr', text: 'one' },
        { at, stream: 'lamina', text: 'two' },
      ]),
      `${at} stderr one\n${at} lamina two\n`,
    );
    assert.equal(logFileName('team/own coder:Q4_K'), 'team-own-coder-Q4_K.log');
  });
});
