// The views of models and downloads in a real browser: what is started, stopped, pulled and deleted there, with a keyboard,
// with a key that may only chat, and what axe finds.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { definePlugin, type Backend } from '@lamina/core/plugin';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';
import { ui } from '@lamina/plugin-ui';
import type { Browser, Page } from 'playwright-core';
import {
  assertAccessible,
  axeViolations,
  chromium,
  openBrowser,
  openPage,
  waitUntil,
  type RecordedPage,
} from '../support/browser.js';
import { describeWith } from '../support/nginx.js';
import { serve, type Served } from '../support/page-server.js';

const size = 1000;

/** An engine that is missing, and one that installs itself, for which it waits until it is let go. */
function engines(letGo: Promise<void>) {
  let isInstalled = false;
  const hint = 'Install it now with: lamina backends install own';
  const own: Backend = {
    name: 'own',
    probe: () => Promise.resolve({ available: true, version: '1.2', ...(isInstalled ? {} : { note: hint }) }),
    accepts: () => ({ refused: 'it runs nothing in this test' }),
    async install({ progress }) {
      progress({ stage: 'downloading', ratio: 0.5 });
      await letGo;
      isInstalled = true;
      return true;
    },
    start: () => Promise.reject(new Error('not in this test')),
  };
  const absent: Backend = {
    ...own,
    name: 'absent',
    probe: () => Promise.resolve({ available: false, reason: 'absent is not in PATH', hint: 'Get it from a friend.' }),
  };
  return definePlugin({
    name: 'engines',
    setup(lamina) {
      for (const backend of [own, absent])
        lamina.addBackend({
          type: backend.name,
          formats: ['own'],
          options: {},
          modelOptions: {},
          lifetime: 'owned',
          create: () => backend,
        });
    },
  })();
}

describeWith({ chromium }, 'the models and downloads in the page', function () {
  this.timeout(60_000);
  let files: HttpServer;
  /** Responses that have sent half of a file. */
  let held: ServerResponse[] = [];
  let browser: Browser;
  let test: TestLamina;
  let served: Served;
  let url: string;
  let origin: string;
  let opened: RecordedPage;
  let page: Page;
  let letGo: () => void;

  before(async () => {
    files = createHttpServer(({ method, headers, url: path }, response) => {
      const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
      const range = { 'accept-ranges': 'bytes', etag: '"1"', 'content-range': `bytes ${from}-${size - 1}/${size}` };
      response.writeHead(headers.range === undefined ? 200 : 206, { ...range, 'content-length': size - from });
      if (method === 'HEAD') return void response.end();
      if (path !== '/held.fake' || from >= size / 2) return void response.end('x'.repeat(size - from));
      response.write('x'.repeat(size / 2 - from));
      held.push(response);
    });
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
    origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    files.closeAllConnections();
    await new Promise((resolve) => files.close(resolve));
  });

  beforeEach(async () => {
    held = [];
    const model = (options: object = {}) => ({ path: 'model.fake', backend: 'fake', options });
    test = await createTestLamina({
      files: { 'model.fake': 'x', 'own.fake': 'x' },
      plugins: [fakePlugin(), engines(new Promise((resolve) => (letGo = resolve))), ui()],
      limits: { drainTimeout: 0 },
      manifest: {
        models: {
          alfa: { ...model(), description: 'Answers quickly.', aliases: ['a'] },
          broken: model({ exit_code: 3, stderr: ['cannot allocate memory'] }),
          endless: model({ chunks: 100_000, chunk_ms: 10 }),
          loader: model({ load_ms: 600_000 }),
          'team/own coder': { path: 'own.fake', backend: 'fake' },
          missing: { path: 'missing.fake', backend: 'fake', download: { url: `${origin}/held.fake` } },
        },
      },
    });
    served = await serve(test, { apiKeys: [{ key: 'all' }, { key: 'chat', scope: 'inference' }] });
    url = served.url;
  });
  afterEach(async () => {
    await page.context().close();
    await served.close();
  });

  const open = async (path = '', key = 'all') => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    await context.addInitScript(`sessionStorage.setItem('lamina.key', '${key}')`);
    opened = await openPage(context, `${url}/ui/${path}`);
    page = opened.page;
    await page.getByText('live', { exact: true }).waitFor();
  };
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const dialog = () => page.getByRole('dialog');
  const chat = () =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer all' },
      body: JSON.stringify({ model: 'endless', stream: true, messages: [{ role: 'user', content: 'x' }] }),
    })
      .then((response) => response.text())
      .catch(() => 'cut off');
  const expectOneOrigin = () => {
    const { host } = new URL(url);
    assert.deepEqual([...new Set(opened.requests.map((request) => new URL(request).host))], [host]);
    assert.deepEqual(opened.problems, []);
  };

  it('start a model, with the focus on its button although it moves to the top, and stop it', async () => {
    await open();
    await button('Start team/own coder').focus();
    await page.keyboard.press('Enter');
    await button('Stop team/own coder').waitFor();
    assert.equal(await page.getByRole('heading', { level: 3 }).first().textContent(), 'team/own coder');
    await page.getByText('stays loaded').waitFor();
    await waitUntil(page, 'document.activeElement.ariaLabel === "Stop team/own coder"');
    await page.keyboard.press('Enter');
    await button('Start team/own coder').waitFor();
    expectOneOrigin();
  });

  it('show what starts, what waits and what failed, and can cancel a start', async () => {
    await open();
    await button('Start loader').click();
    await button('Cancel the start of loader').waitFor();
    await button('Start broken').click();
    await page.getByText('cannot allocate memory').waitFor();
    await button('Details of alfa').click();
    await page.getByText('Aliases').waitFor();
    await assertAccessible(page);
    await button('Cancel the start of loader').click();
    await button('Start loader').waitFor();
  });

  it('ask before a stop that cuts an answer off, and give the focus back to who keeps it', async () => {
    await open();
    const answer = chat();
    await page.getByText('1 running', { exact: true }).waitFor();
    await button('Stop endless').click();
    await dialog().getByText('1 answer is under way').waitFor();
    assert.deepEqual(await axeViolations(page), []);
    await dialog().getByRole('button', { name: 'Keep' }).click();
    await waitUntil(page, 'document.activeElement.ariaLabel === "Stop endless"');
    await button('Stop endless').click();
    await dialog().getByRole('button', { name: 'Stop' }).click();
    await button('Start endless').waitFor();
    assert.doesNotMatch(await answer, /\[DONE\]/);
  });

  it('delete a model whose name has a slash, with its files', async () => {
    await open();
    await button('Details of team/own coder').click();
    await button('Delete… team/own coder').click();
    await dialog().getByLabel('Also delete its files').check();
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('Removed "team/own coder" and its files.').waitFor();
    await button('Start team/own coder').waitFor({ state: 'detached' });
    assert.equal(test.models.get('team/own coder'), undefined);
  });

  it('pull a model of the manifest, pause, resume and finish, with progress in both views and the title', async () => {
    await open();
    await button('Pull missing').click();
    await page.getByRole('link', { name: /500 bytes of 1 kB/ }).click();
    await waitUntil(page, 'document.title.startsWith("50 %")');
    await assertAccessible(page);
    await button('Pause the download of missing').click();
    await button('Resume the download of missing').click();
    await page.getByText('finished', { exact: true }).waitFor();
    await button('Remove from the list (missing)').click();
    await page.getByText('No downloads.').waitFor();
    await page.goto(`${url}/ui/#/models`);
    await button('Start missing').waitFor();
    expectOneOrigin();
  });

  it('pull a reference under a name, and cancel it after a question', async () => {
    await open('#/downloads');
    await page.getByLabel('Reference').fill(`${origin}/held.fake`);
    await page.getByLabel('Name').fill('team/new');
    await page.keyboard.press('Enter');
    await page.getByText('Downloading “team/new”.').waitFor();
    await button('Cancel the download of team/new').click();
    await dialog().getByRole('button', { name: 'Cancel the download' }).click();
    await page.getByText('No downloads.').waitFor();
    assert.deepEqual(test.downloads.list(), []);
  });

  it('say why a reference cannot be pulled, and why nothing can be searched, only when they are asked', async () => {
    await open('#/downloads');
    await page.getByLabel('Reference').fill('/etc/hosts');
    await page.getByLabel('Search').fill('qwen');
    assert.equal(await page.getByRole('alert').count(), 0);
    await button('Pull').click();
    await page.getByRole('alert').filter({ hasText: 'cannot name files of this machine' }).waitFor();
    await button('Search').click();
    await page.getByRole('alert').nth(1).waitFor();
  });

  it('install an engine with progress, and say how to get one that cannot be installed here', async () => {
    await open();
    await page.getByText('absent is not in PATH.').waitFor();
    await page.getByText('Get it from a friend.').waitFor();
    await button('Install own').click();
    await page.getByText('Downloading, 50 %').waitFor();
    letGo();
    await button('Install own').waitFor({ state: 'detached' });
    await button('Look again').click();
    expectOneOrigin();
  });

  it('are only shown to a key that may not change them', async () => {
    await open('', 'chat');
    await button('Start alfa').waitFor();
    assert.equal(await button('Start alfa').isDisabled(), true);
    assert.equal(await button('Pull missing').isDisabled(), true);
    await page.getByRole('link', { name: 'Get a model' }).click();
    await page.getByText('need a key with the scope manage').waitFor();
    assert.equal(await button('Pull').isDisabled(), true);
  });

  it('show three ways to a model while there is none', async () => {
    for (const name of ['alfa', 'broken', 'endless', 'loader', 'missing', 'team/own coder'])
      await test.models.remove(name, { files: true });
    await open();
    await page.getByText('Three ways to get one').waitFor();
    await assertAccessible(page);
  });
});
