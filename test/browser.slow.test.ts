// The example page for browsers chats in a real Chromium.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import Koa from 'koa';
import { createLamina, type Lamina } from '@lamina/core';
import { attachWebSocket } from '@lamina/server-koa';
import { llamaServer, realLlama, writeModels } from './support/engine.js';
import { describeWith } from './support/nginx.js';

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0,
);

describeWith({ 'llama-server': llamaServer, chromium }, 'the page for browsers', function () {
  this.timeout(120_000);
  let directory: string;
  let lamina: Lamina;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-browser-'));
    await writeModels(directory, ['tiny']);
    lamina = await createLamina({
      modelsDir: directory,
      manifest: { models: { tiny: { path: 'tiny.gguf' } } },
      plugins: [realLlama()],
    });
  });
  after(async () => {
    await lamina.close({ signal: AbortSignal.abort() });
    await rm(directory, { recursive: true, force: true });
  });

  it('chats in Chromium', async () => {
    const page = readFileSync(new URL('../../examples/browser.html', import.meta.url), 'utf8');
    const clientModules = import.meta.resolve('@lamina/client');
    // Chromium waits for images, not for WebSockets: this image arrives after the chat has ended.
    const app = new Koa().use(async (ctx) => {
      if (ctx.path.startsWith('/client/')) {
        ctx.type = 'js';
        ctx.body = readFileSync(new URL(ctx.path.slice('/client/'.length), clientModules));
        return;
      }
      ctx.type = 'html';
      ctx.body = `${page}<img hidden src="/hold">`;
      if (ctx.path !== '/hold') return;
      await lamina.events.once('request.finished', { signal: AbortSignal.timeout(60_000) });
      await delay(500);
    });
    const handle = app.callback();
    const http = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
    await once(http, 'listening');
    const sockets = attachWebSocket(http, lamina);
    try {
      const flags = [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        `--user-data-dir=${join(directory, 'chromium')}`,
        '--virtual-time-budget=5000',
        '--window-size=800,500',
      ];
      const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}/?model=tiny&send`;
      const run = (...args: string[]) =>
        promisify(execFile)(chromium!, [...flags, ...args, address], { timeout: 90_000, maxBuffer: 2 ** 24 });
      const { stdout } = await run('--dump-dom');
      assert.match(stdout, /<div id="answer"[^>]*>I am tiny\.<\/div>/);
      assert.match(stdout, /done: stop, \d+ tokens/);
      const screenshot = process.env['LAMINA_SCREENSHOT'];
      if (screenshot !== undefined) await run(`--screenshot=${screenshot}`);
    } finally {
      await sockets.close({ signal: AbortSignal.abort() });
      http.close();
      http.closeAllConnections();
    }
  });
});
