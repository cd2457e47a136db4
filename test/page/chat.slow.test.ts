// The chat of the page in Chromium: a hostile answer runs and loads nothing, an answer goes on after a reload, and the
// conversation is kept until it is deleted.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import { ui } from '@lamina/plugin-ui';
import { assertAccessible, axeViolations, chromium, openBrowser, openPage } from '../support/browser.js';
import { describeWith } from '../support/nginx.js';
import { serve, type Served } from '../support/page-server.js';

const hostile = `<script>window.isCaught = true</script>

<img src=x onerror="window.isCaught = true"> <svg onload="window.isCaught = true"></svg> <iframe src="javascript:parent.isCaught=true"></iframe>

[a](javascript:window.isCaught=true) [b](data:text/html,x) [c](#/chat?text=x) [d](https://example.com)

![tracking](http://127.0.0.1:9/leak.png) <style>body { display: none }</style> <base href="http://127.0.0.1:9/">

| a | b |
|---|---|
| <b onmouseover="window.isCaught=true">x</b> | \u202Ex |

\`\`\`html" onmouseover="window.isCaught=true
<script>window.isCaught = true</script>
\`\`\`
`;

const answers: Readonly<Record<string, string>> = {
  hostile,
  line: 'word '.repeat(200_000),
  table: `| a | b |\n|---|---|\n${'| 1 | **two** |\n'.repeat(20_000)}`,
};

/** A server whose models answer with the texts, in parts of 5 kB for long ones. */
async function startEngine(): Promise<HttpServer> {
  const engine = createHttpServer((request, response) => {
    if (request.method === 'GET') {
      const data = Object.keys(answers).map((id) => ({ id, object: 'model' }));
      return void response.setHeader('content-type', 'application/json').end(JSON.stringify({ object: 'list', data }));
    }
    void text(request).then((body) => {
      const { model } = JSON.parse(body) as { model: string };
      const answer = answers[model]!;
      const size = answer.length > 10_000 ? 5_000 : 10;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let at = 0; at < answer.length; at += size) {
        const delta = { content: answer.slice(at, at + size) };
        response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`);
      }
      const end = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
      response.end(`data: ${JSON.stringify(end)}\n\ndata: [DONE]\n\n`);
    });
  }).listen(0, '127.0.0.1');
  await once(engine, 'listening');
  return engine;
}

describeWith({ chromium }, 'the chat of the page in Chromium', function () {
  this.timeout(120_000);
  let engine: HttpServer;
  let served: Served;
  let url: string;
  let browser: Browser;
  let context: BrowserContext;

  before(async () => {
    engine = await startEngine();
    const base_url = `http://127.0.0.1:${(engine.address() as AddressInfo).port}/v1`;
    const lamina = await createTestLamina({
      files: { 'model.fake': 'x' },
      plugins: [fakePlugin(), ui()],
      manifest: {
        backends: { far: { type: 'remote', base_url } },
        models: { alfa: { path: 'model.fake', backend: 'fake', options: { chunks: 300, chunk_ms: 10 } } },
      },
    });
    served = await serve(lamina);
    url = served.url;
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    await served.close();
    engine.close();
    engine.closeAllConnections();
  });
  beforeEach(async () => {
    context = await browser.newContext();
  });
  afterEach(() => context.close());

  const open = (model: string) => openPage(context, `${url}/ui/#/chat/new?model=${model}`);
  const send = async (page: Page, message: string): Promise<void> => {
    await page.getByLabel('Message', { exact: true }).fill(message);
    await page.getByLabel('Message', { exact: true }).press('Enter');
  };
  const ended = (page: Page) => page.getByRole('button', { name: 'Retry' }).waitFor();

  it('runs nothing of a hostile answer, loads nothing for it, and shows it as text', async () => {
    const { page, requests, problems } = await open('hostile');
    await send(page, 'a');
    await ended(page);
    assert.equal(await page.evaluate('window.isCaught'), undefined);
    const log = page.getByRole('log');
    assert.equal(await log.locator('img, svg:not(.icon), script, iframe, style, base').count(), 0);
    const links = await log.locator('a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    assert.deepEqual(links, ['https://example.com/', 'http://127.0.0.1:9/leak.png']);
    assert.match(await log.innerText(), /<script>window\.isCaught = true<\/script>/);
    assert.deepEqual([...new Set(requests.map((one) => new URL(one).host))], [new URL(url).host]);
    assert.deepEqual(problems, []);
  });

  it('stays usable with an answer of 1 MB in one line, and with an endless table', async () => {
    for (const model of ['line', 'table']) {
      const { page, problems } = await open(model);
      await send(page, 'a');
      await ended(page);
      await page.getByText('too long to be formatted').waitFor();
      await page.getByLabel('Message', { exact: true }).fill('b');
      assert.deepEqual(problems, []);
    }
  });

  it('has no accessibility problem while it answers and after, light and dark, wide and narrow', async () => {
    const { page, problems } = await open('alfa');
    await send(page, 'a');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    assert.deepEqual(await axeViolations(page), []);
    await ended(page);
    await assertAccessible(page);
    assert.deepEqual(problems, []);
  });

  it('goes on after a reload, is found again, and is gone when it was deleted', async () => {
    const { page, problems } = await open('alfa');
    await send(page, 'Count');
    await page.getByText('alfa: 1 2 3 4 5').waitFor();
    await page.reload();
    await ended(page);
    const expected = ['alfa:', ...Array.from({ length: 299 }, (_, index) => index + 1)].join(' ');
    assert.equal(await page.locator('.markdown').innerText(), expected);
    await page.goto(`${url}/ui/#/models`);
    await page.goto(`${url}/ui/#/chat`);
    await page.getByText(expected).waitFor();
    await page.getByRole('button', { name: 'Delete this conversation' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('heading', { name: 'New chat' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Count' }).count(), 0);
    assert.deepEqual(problems, []);
  });
});
