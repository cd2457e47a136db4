// The client in a real Chromium, on a page that loads its modules as they are published.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { TcpProxy } from './support/tcp-proxy.js';
import { startTestServer, type TestServer } from './support/test-server.js';

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0,
);
const chunks = 200;
const answer = `tiny: ${Array.from({ length: chunks - 1 }, (_, index) => index + 1).join(' ')}`;

/** The program of a page, which posts its result. */
const page = (program: string): string => `<!doctype html>
<meta charset="utf-8" />
<title>Test</title>
<script type="module">
  import { connect } from '/client/index.js';
  const server = new URLSearchParams(location.search).get('server');
  const request = { model: 'tiny', messages: [{ role: 'user', content: 'hi' }] };
  const run = async () => { ${program} };
  const result = await run().catch((error) => ({ code: error.code, message: String(error) }));
  await fetch('/result', { method: 'POST', body: JSON.stringify(result) });
</script>`;

(chromium === undefined ? describe.skip : describe)('the client in Chromium', function () {
  this.timeout(120_000);
  let testServer: TestServer;
  let proxy: TcpProxy;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-chromium-'));
    testServer = await startTestServer({
      models: { tiny: { chunks, chunk_ms: 2 } },
      server: { apiKeys: [{ key: 'my ü key' }, { key: 'other' }] },
    });
    proxy = await TcpProxy.open(testServer.url);
  });
  after(async () => {
    await proxy.close();
    await testServer.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => proxy.reset());

  /** Serves the page, runs it, and returns what it posts. */
  async function run(program: string): Promise<Record<string, unknown>> {
    let resolve: (result: Record<string, unknown>) => void;
    const result = new Promise<Record<string, unknown>>((fulfil) => (resolve = fulfil));
    const http = createServer((request, response) => {
      const path = request.url!.split('?')[0]!;
      if (path === '/result') void text(request).then((json) => resolve(JSON.parse(json)));
      if (path.startsWith('/client/'))
        response
          .setHeader('content-type', 'text/javascript')
          .end(readFileSync(new URL(path.slice('/client/'.length), import.meta.resolve('@lamina/client'))));
      else if (path === '/secret') response.end(/"chat":"([^"]+)"/.exec(proxy.received)![1]);
      else response.setHeader('content-type', 'text/html').end(page(program));
    });
    await once(http.listen(0, '127.0.0.1'), 'listening');
    const browser = await openChromium(`http://127.0.0.1:${portOf(http)}/?server=${proxy.url}`);
    try {
      return await result;
    } finally {
      await browser.close();
      http.close();
      http.closeAllConnections();
    }
  }

  async function openChromium(url: string): Promise<{ close(): Promise<void> }> {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
    const child = spawn(chromium!, [...flags, `--user-data-dir=${join(folder, 'profile')}`, url], {
      env: { ...process.env, TMPDIR: folder },
      stdio: 'ignore',
      detached: true,
    });
    await once(child, 'spawn');
    return {
      async close() {
        const exited = once(child, 'exit');
        process.kill(-child.pid!, 'SIGKILL');
        await exited;
      },
    };
  }

  it('ends a chat that is cut ten times with exactly the text of the engine', async () => {
    for (let cut = 0; cut < 10; cut++) proxy.cuts.push(1400 + 53 * cut);
    const result = await run(`
      const client = connect(server, { key: 'my ü key' });
      let lost = 0;
      client.on('disconnected', () => lost++);
      const chat = client.chat(request);
      const text = await chat.text();
      return { text, lost, finishReason: chat.finishReason };`);
    assert.deepEqual(result, { text: answer, lost: 10, finishReason: 'stop' });
  });

  it('finishes a chat whose page was reloaded in the middle of the answer', async () => {
    const result = await run(`
      const client = connect(server, { key: 'my ü key' });
      const stored = JSON.parse(sessionStorage.getItem('chat'));
      if (stored !== null) {
        const chat = client.resumeChat(stored.position);
        const text = stored.text + (await chat.text());
        return { text, read: stored.position.after, finishReason: chat.finishReason };
      }
      const chat = client.chat(request, { keep: true });
      let text = '';
      for await (const { choices } of chat) {
        text += choices[0]?.delta.content ?? '';
        sessionStorage.setItem('chat', JSON.stringify({ text, position: chat.position }));
        if (chat.position.after < 20) continue;
        location.reload();
        await new Promise(() => undefined);
      }`);
    assert.deepEqual(result, { text: answer, read: 20, finishReason: 'stop' });
  });

  it('does not continue a chat of another key', async () => {
    const result = await run(`
      const client = connect(server, { key: 'my ü key' });
      await client.chat(request)[Symbol.asyncIterator]().next();
      const chat = await (await fetch('/secret')).text();
      return connect(server, { key: 'other' }).call({ type: 'chat.resume', chat, after: 0 });`);
    assert.equal(result['code'], 'CHAT_NOT_FOUND', JSON.stringify(result));
  });

  it('says that the key is wrong', async () => {
    const result = await run(`return connect(server, { key: 'wrong' }).chat(request).text();`);
    assert.equal(result['code'], 'UNAUTHORIZED', JSON.stringify(result));
  });
});

function portOf(http: Server): number {
  return (http.address() as AddressInfo).port;
}
