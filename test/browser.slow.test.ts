// The example page for browsers chats in a real Chromium.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Koa from 'koa';
import { createLamina, type Lamina } from '@lamina/core';
import { attachWebSocket } from '@lamina/server-koa';
import { chromium, openBrowser, openPage } from './support/browser.js';
import { llamaServer, realLlama, writeModels } from './support/engine.js';
import { describeWith } from './support/nginx.js';

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
    const html = readFileSync(new URL('../../examples/browser.html', import.meta.url), 'utf8');
    const clientModules = import.meta.resolve('@lamina/client');
    const app = new Koa().use((ctx) => {
      const module = ctx.path.startsWith('/client/') ? ctx.path.slice('/client/'.length) : undefined;
      ctx.type = module === undefined ? 'html' : 'js';
      ctx.body = module === undefined ? html : readFileSync(new URL(module, clientModules));
    });
    const http = app.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const sockets = attachWebSocket(http, lamina);
    const browser = await openBrowser();
    try {
      const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}/?model=tiny&send`;
      const { page, problems } = await openPage(browser, address);
      await page.getByText(/^done: stop, \d+ tokens$/).waitFor();
      assert.equal(await page.locator('#answer').textContent(), 'I am tiny.');
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
      await sockets.close({ signal: AbortSignal.abort() });
      http.close();
      http.closeAllConnections();
    }
  });
});
