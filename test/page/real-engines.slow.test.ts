// The page in a real Chromium, with the real llama-server and the embedded engine: a key is entered, a model is pulled,
// chats wait, are stopped and survive a reload, and the log and the dashboard show it. Everything comes from one origin.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { embedded } from '@lamina/plugin-embedded';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { metrics } from '@lamina/plugin-metrics';
import { ui } from '@lamina/plugin-ui';
import { createServer, type Server } from '@lamina/server-koa';
import { createTestLamina, type TestLamina } from '@lamina/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium, openBrowser, openPage, waitUntil, type RecordedPage } from '../support/browser.js';
import { embeddedDirectory, llamaServer, writeModels } from '../support/engine.js';
import { describeWith } from '../support/nginx.js';

const key = 'a-secret-key';
const programs = { chromium, 'llama-server': llamaServer, 'the embedded engine': embeddedDirectory };

describeWith(programs, 'the page with real engines', function () {
  this.timeout(60_000);
  let test: TestLamina;
  let server: Server;
  let files: HttpServer;
  let url: string;
  let browser: Browser;
  let context: BrowserContext;
  let opened: RecordedPage;
  let page: Page;

  before(async () => {
    test = await createTestLamina({
      plugins: [
        llamacpp({ executable: llamaServer!, threads: 1, context_length: 512 }),
        embedded({ directory: embeddedDirectory!, threads: 1, context_length: 512 }),
        metrics(),
        ui(),
      ],
      limits: { maxLoaded: 1 },
      manifest: {
        models: {
          counter: { path: 'counter.gguf', backend: 'llamacpp' },
          inside: { path: 'inside.gguf', backend: 'embedded' },
        },
      },
    });
    await writeModels(test.modelsDir, ['inside', 'elsewhere']);
    await writeModels(test.modelsDir, ['counter'], ['counter']);
    await test.models.reload();
    const bytes = await readFile(join(test.modelsDir, 'elsewhere.gguf'));
    files = createHttpServer((request, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    server = createServer(test, { port: 0, apiKeys: [{ key, name: 'tester' }] });
    url = await server.listen();
    browser = await openBrowser();
    context = await browser.newContext();
    opened = await openPage(context, url);
    page = opened.page;
  });
  after(async () => {
    await browser.close();
    files.close();
    files.closeAllConnections();
    const closed = server.close({ signal: AbortSignal.abort() });
    await test.close({ signal: AbortSignal.abort() });
    await closed;
  });

  const show = (view: string) => page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: view });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const messages = () => page.getByRole('log', { name: 'Messages' });
  /** Begins a conversation. */
  async function ask(model: string, text: string): Promise<void> {
    await show('Chat').click();
    await page.getByRole('link', { name: 'New' }).click();
    await page.getByLabel('Model', { exact: true }).selectOption(model);
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.keyboard.press('Enter');
  }

  it('asks for the key, and says when it is wrong', async () => {
    await page.getByLabel('API key of this server').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('The API key is not valid').waitFor();
    await page.getByLabel('API key of this server').fill(key);
    await page.keyboard.press('Enter');
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByRole('heading', { name: 'counter' }).waitFor();
  });

  it('pulls a model from a source on this machine', async () => {
    await show('Downloads').click();
    const source = `http://127.0.0.1:${(files.address() as AddressInfo).port}/elsewhere.gguf`;
    await page.getByLabel('Reference').fill(source);
    await page.getByLabel('Name').fill('pulled');
    await page.keyboard.press('Enter');
    await page.getByText('finished', { exact: true }).waitFor();
    await show('Models').click();
    await page.getByRole('heading', { name: 'pulled' }).waitFor();
  });

  it('starts it, and chats with it', async () => {
    await button('Start pulled').click();
    await button('Stop pulled').waitFor();
    await ask('pulled', 'Who are you?');
    await messages().getByText('I am elsewhere.').waitFor();
    await messages()
      .getByText(/tok\/s/)
      .waitFor();
  });

  it('chats with the embedded engine', async () => {
    await ask('inside', 'Who are you?');
    await messages().getByText('I am inside.').waitFor();
  });

  it('stops an answer, which keeps what has arrived', async () => {
    await ask('counter', 'Please /count');
    await messages()
      .getByText(/ 5 6 7 /)
      .waitFor();
    await button('Stop').click();
    await messages()
      .getByText(/^Stopped/)
      .waitFor();
    await messages()
      .getByText(/ 5 6 7 /)
      .waitFor();
  });

  it('receives an answer to its end although the page is loaded again', async () => {
    await ask('counter', 'Please /count once more');
    await messages()
      .getByText(/ 5 6 7 /)
      .waitFor();
    await page.reload();
    await messages().getByText('Cut off: the token limit is reached').waitFor();
    const numbers = (await messages()
      .getByText(/ 5 6 7 /)
      .textContent())!
      .trim()
      .split(/\s+/)
      .map(Number);
    const counted = numbers.map((_, index) => (index % 200) + 1);
    assert.deepEqual(numbers, counted, 'A part is missing, or is there twice.');
  });

  it('shows the place in the queue of a chat that waits for another one, and answers it afterwards', async () => {
    await ask('counter', 'Please /count again');
    await messages()
      .getByText(/ 5 6 7 /)
      .waitFor();
    await ask('pulled', 'Are you there?');
    await messages().getByText('Waiting: next in the queue').waitFor();
    await page.getByText('1 running · 1 waiting').waitFor();
    await messages().getByText('I am elsewhere.').waitFor();
  });

  it('shows the requests', async () => {
    await show('Requests').click();
    await page.getByRole('row').filter({ hasText: 'counter' }).filter({ hasText: '499 cancelled' }).waitFor();
    await page.getByRole('row').filter({ hasText: 'pulled' }).filter({ hasText: '200' }).first().waitFor();
  });

  it('follows the log of an engine', async () => {
    await show('Logs').click();
    await page.getByLabel('Model', { exact: true }).selectOption('pulled');
    const log = page.getByRole('log', { name: 'Log of pulled' });
    await log
      .getByText(/llama|server|slot/)
      .first()
      .waitFor();
    const before = await log.textContent();
    await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'pulled', messages: [{ role: 'user', content: 'Write a line to your log.' }] }),
    }).then((response) => response.text());
    await waitUntil(page, `document.querySelector('[role=log]').textContent !== ${JSON.stringify(before)}`);
  });

  it('has a dashboard that moves', async () => {
    await show('Dashboard').click();
    await button('5 min').click();
    const running = page.getByRole('figure').filter({ hasText: 'Running and waiting' });
    await running.getByText('0 running, 0 waiting').waitFor();
    const leave = new AbortController();
    const answer = fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      signal: leave.signal,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'counter', stream: true, messages: [{ role: 'user', content: '/count' }] }),
    });
    await running.getByText('1 running, 0 waiting').waitFor();
    leave.abort();
    await answer.catch(() => undefined);
    await page
      .getByRole('figure')
      .filter({ hasText: 'Loads' })
      .getByText(/[1-9] loads/)
      .waitFor();
  });

  it('has loaded everything from its server, sent the key in no URL, and violated no policy', () => {
    const { host } = new URL(url);
    assert.deepEqual([...new Set(opened.requests.map((request) => new URL(request).host))], [host]);
    assert.deepEqual(
      opened.requests.filter((request) => request.includes(key)),
      [],
    );
    // Of the time without a key.
    assert.deepEqual(
      opened.problems.filter((problem) => !problem.includes('401')),
      [],
    );
  });
});
