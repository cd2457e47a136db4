// The page from its tarball, in the ways in which hosts serve it: lamina-server, a program with createServer, a Koa
// application with a prefix, and nginx with a path in front of it.
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { chromium, openBrowser, openPage } from '../support/browser.js';
import { describeWith, freePorts, nginx, startNginx, stop } from '../support/nginx.js';
import { packedPackages } from '../support/packed.js';

/** A host that prints its URL; the page is below the path that it is given. */
const programs = {
  'create-server': `
import { createLamina } from '@lamina/core';
import { metrics } from '@lamina/plugin-metrics';
import { ui } from '@lamina/plugin-ui';
import { createServer } from '@lamina/server-koa';
const lamina = await createLamina({ modelsDir: process.argv[2], plugins: [metrics(), ui()] });
const server = createServer(lamina, { port: 0 });
console.log(await server.listen());
process.once('SIGTERM', () => void server.close().then(() => lamina.close()));
`,
  'koa-prefix': `
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createLamina } from '@lamina/core';
import { metrics } from '@lamina/plugin-metrics';
import { ui } from '@lamina/plugin-ui';
import { attachWebSocket, laminaRouter } from '@lamina/server-koa';
import Koa from 'koa';
const lamina = await createLamina({ modelsDir: process.argv[2], plugins: [metrics(), ui()] });
const router = laminaRouter(lamina);
router.prefix('/ai');
const http = createServer(new Koa().use(router.routes()).callback()).listen(0, '127.0.0.1');
const sockets = attachWebSocket(http, lamina, { path: '/ai/ws' });
await once(http, 'listening');
console.log(\`http://127.0.0.1:\${http.address().port}/ai\`);
process.once('SIGTERM', async () => {
  http.close();
  http.closeAllConnections();
  await sockets.close({ signal: AbortSignal.abort() });
  await lamina.close();
});
`,
};

describeWith({ chromium, nginx }, 'the page, installed from its tarball', function () {
  this.timeout(60_000);
  let folder: string;
  let browser: Browser;
  const started: ChildProcess[] = [];

  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'lamina-page-')));
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    const packed = await packedPackages();
    const names = ['core', 'config', 'client', 'server-koa', 'plugin-metrics', 'plugin-ui'];
    const tarballs = names.map((name) => packed.get(`@lamina/${name}`)!);
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
    await promisify(execFile)('npm', ['install', ...flags, ...tarballs, 'koa'], { cwd: folder });
    for (const [name, text] of Object.entries(programs)) await writeFile(join(folder, `${name}.js`), text);
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    for (const child of started) await stop(child);
    await rm(folder, { recursive: true });
  });

  const emptyFolder = () => mkdtemp(join(folder, 'models-'));

  /** Starts a host, and returns the URL at the end of its first line. */
  async function start(...args: string[]): Promise<string> {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    started.push(child);
    const line = once(createInterface(child.stdout), 'line') as Promise<[string]>;
    const ended = once(child, 'exit').then(() => assert.fail(`${args[0]} ended.`));
    return (await Promise.race([line, ended]))[0].split(' ').at(-1)!;
  }

  /** Opens the address as people type it, and checks that the whole page works there. */
  async function assertPageAt(address: string): Promise<void> {
    const { page, requests, problems } = await openPage(browser, address);
    await page.getByText('live', { exact: true }).waitFor();
    for (const view of ['Models', 'Chat', 'Requests', 'Dashboard', 'Downloads', 'Logs', 'Events']) {
      await page.getByRole('navigation').getByRole('link', { name: view }).click();
      await page.getByRole('heading', { level: 1, name: view }).waitFor();
    }
    assert.deepEqual(problems, []);
    const base = address.replace(/^http/, '');
    const isBelow = (url: string) => url === address || url.replace(/^(http|ws)/, '').startsWith(`${base}/`);
    assert.deepEqual(
      requests.filter((url) => !isBelow(url)),
      [],
    );
    await page.close();
  }

  it('is served by lamina-server, which finds the plugin', async () => {
    const bin = join(folder, 'node_modules/@lamina/server-koa/bin/lamina-server.js');
    await assertPageAt(await start(bin, '--models-dir', await emptyFolder(), '--port', '0'));
  });

  it('is served by createServer, also behind nginx below a path', async () => {
    const url = await start('create-server.js', await emptyFolder());
    await assertPageAt(url);
    const [port] = (await freePorts(1)) as [number];
    const proxy = await startNginx(
      join(folder, 'nginx'),
      `map $http_upgrade $connection_upgrade { default upgrade; '' close; }
       server {
         listen 127.0.0.1:${port};
         location /tools/ai/ {
           proxy_pass ${url}/;
           proxy_http_version 1.1;
           proxy_set_header Host $http_host;
           proxy_set_header Upgrade $http_upgrade;
           proxy_set_header Connection $connection_upgrade;
         }
       }`,
      port,
    );
    try {
      await assertPageAt(`http://127.0.0.1:${port}/tools/ai`);
    } finally {
      await proxy.stop();
    }
  });

  it('is served by a Koa application below a prefix', async () => {
    await assertPageAt(await start('koa-prefix.js', await emptyFolder()));
  });
});
