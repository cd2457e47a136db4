// The frame of the page, its logs and its events in a real browser: navigation, themes, keys, lost connections, lists that
// can be paused, and what axe finds.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import { metrics } from '@lamina/plugin-metrics';
import { ui } from '@lamina/plugin-ui';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
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
import { serve } from '../support/page-server.js';

const keys = [{ key: 'all' }, { key: 'chat', scope: 'inference' as const }];

/** A server with the page. */
async function startServer(apiKeys?: typeof keys) {
  const model = { path: 'model.fake', backend: 'fake' };
  const lamina = await createTestLamina({
    files: { 'model.fake': 'x' },
    plugins: [fakePlugin(), metrics(), ui()],
    manifest: {
      models: { tiny: { ...model, options: { stderr: ['\x1b[32mgreen\x1b[0m'] } }, 'team/own coder': model },
    },
  });
  return { lamina, ...(await serve(lamina, apiKeys === undefined ? {} : { apiKeys })) };
}

/** What is between a browser and a server: it can lose connections, lead to another server, and change requests. */
class Proxy {
  readonly sockets = new Set<Socket>();
  readonly server: TcpServer;
  /** Changes what the browser sends. */
  change = (text: string): string => text;

  constructor(public target: string) {
    this.server = createTcpServer((client) => {
      const server = connect(Number(new URL(this.target).port), '127.0.0.1');
      client.on('data', (bytes) => server.write(this.change(bytes.toString('latin1')), 'latin1'));
      server.pipe(client);
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.sockets.add(one);
        one.on('error', () => undefined).on('close', () => (this.sockets.delete(one), other.destroy()));
      }
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  loseConnections(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.loseConnections();
    await closed;
  }
}

describeWith({ chromium }, 'the frame of the page', function () {
  this.timeout(60_000);
  let browser: Browser;
  let running: Awaited<ReturnType<typeof startServer>>;
  let opened: RecordedPage;
  let page: Page;
  /** What a test started besides the server. */
  let closing: (() => Promise<void>)[];

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());
  beforeEach(() => {
    closing = [];
  });
  afterEach(async () => {
    await page.context().close();
    for (const close of closing) await close();
    await running.close();
  });

  const start = async (apiKeys?: typeof keys) => void (running = await startServer(apiKeys));
  const open = async (address: string, options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    opened = await openPage(context, address);
    page = opened.page;
  };
  const openLive = async (path = '', options: BrowserContextOptions = {}) => {
    await open(`${running.url}/ui/${path}`, options);
    await live();
  };
  const live = () => page.getByText('live', { exact: true }).waitFor();
  const heading = (name: string) => page.getByRole('heading', { level: 1, name }).waitFor();
  const focused = () => page.evaluate<string>('document.activeElement.ariaLabel ?? document.activeElement.textContent');
  const link = (name: string) => page.getByRole('link', { name, exact: true });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const rows = (text: string) => page.getByRole('log').getByText(text);
  it('leads to every view, puts the focus on its heading or, in a chat, where one writes, and axe finds nothing', async () => {
    await start();
    await openLive();
    assert.notEqual(await focused(), 'Models');
    for (const view of ['Chat', 'Downloads', 'Requests', 'Dashboard', 'Logs', 'Events', 'Models']) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await link(view).click();
      // The chat is there to be written in.
      await page.locator(view === 'Chat' ? 'main textarea:focus' : `h1:focus:text("${view}")`).waitFor();
      assert.equal(await link(view).getAttribute('aria-current'), 'page');
      assert.match(await page.title(), new RegExp(`^${view} – Lamina$`));
      await assertAccessible(page);
    }
    assert.deepEqual(opened.problems, []);
  });

  it('has a link to the content for the keyboard', async () => {
    await start();
    await openLive('#/events');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate('document.activeElement.id'), 'main');
    assert.match(page.url(), /#\/events$/);
  });

  it('has a menu on a phone, which Escape closes', async () => {
    await start();
    await openLive('', { viewport: { width: 390, height: 800 } });
    await button('More').focus();
    await page.keyboard.press('Enter');
    await link('Logs').waitFor();
    assert.deepEqual(await axeViolations(page), []);
    await page.keyboard.press('Escape');
    await link('Logs').waitFor({ state: 'hidden' });
    assert.equal(await focused(), 'More');
    await page.keyboard.press('Enter');
    for (let step = 0; (await focused()) !== 'Logs' && step < 10; step++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await heading('Logs');
    await link('Logs').waitFor({ state: 'hidden' });
  });

  it('has the theme of the system, until another one is chosen', async () => {
    await start();
    await openLive();
    const shown = () => page.evaluate('getComputedStyle(document.body).colorScheme + " " + localStorage.length');
    await button('Dark colours').waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await button('Light colours').click();
    assert.equal(await shown(), 'light 1');
    await button('Dark colours').click();
    assert.equal(await shown(), 'light dark 0');
  });

  it('asks for a key, says that one is wrong, remembers and forgets it, and has it in no URL', async () => {
    await start(keys);
    await open(`${running.url}/ui/`);
    const field = page.getByLabel('API key of this server');
    await field.waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    await field.fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('The API key is not valid.').waitFor();
    await page.locator('#key:focus').waitFor();
    await assertAccessible(page);
    await field.fill('all');
    await page.getByLabel('Remember').check();
    await button('Connect').click();
    await live();
    await page.reload();
    await live();
    await button('Forget key').click();
    await field.waitFor();
    assert.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0);
    const { host } = new URL(running.url);
    for (const url of opened.requests) {
      assert.equal(new URL(url).host, host);
      assert.doesNotMatch(url, /wrong|[?&/]all\b/);
    }
  });

  it('says what a key for inference may not see', async () => {
    await start(keys);
    await openLiveWith('chat', '#/logs');
    await page.getByText('The log of an engine needs a key with the scope manage.').waitFor();
    await link('Events').click();
    assert.equal(await page.getByLabel('Log lines').isDisabled(), true);
    await running.lamina.runtime.start('tiny');
    await rows('tiny is ready').waitFor();
    assert.deepEqual(opened.problems, []);
  });

  const openLiveWith = async (key: string, path: string) => {
    const context = await browser.newContext();
    await context.addInitScript(`sessionStorage.setItem('lamina.key', '${key}')`);
    opened = await openPage(context, `${running.url}/ui/${path}`);
    page = opened.page;
    await live();
  };

  it('asks for no key when the origin is refused', async () => {
    await start();
    const proxy = new Proxy(running.url);
    closing.push(() => proxy.close());
    const foreign = (text: string) => text.replace(/^origin: [^\r]*/im, 'Origin: https://ai.example');
    proxy.change = (text) => (text.startsWith('GET /ws ') ? foreign(text) : text);
    const url = `${await proxy.listen()}/ui/`;
    await open(url);
    await page.getByText('The origin "https://ai.example" is not allowed.').waitFor();
    assert.equal(await page.getByLabel('API key of this server').count(), 0);
    await assertAccessible(page);
    proxy.change = (text) => text;
    await button('Try again').click();
    await live();

    proxy.change = foreign;
    await page.context().close();
    await open(url);
    await page.getByText('The scripts of this page could not be loaded.').waitFor();
    await assertAccessible(page);
  });

  it('says that the connection was lost, and goes on with the log and the models of another server', async () => {
    await start();
    const proxy = new Proxy(running.url);
    closing.push(() => proxy.close());
    await running.lamina.runtime.start('tiny');
    await open(`${await proxy.listen()}/ui/#/logs/tiny`);
    await rows('listening on').waitFor();
    const first = running;
    closing.push(() => first.close());
    proxy.target = 'http://127.0.0.1:9';
    proxy.loseConnections();
    await page.getByText('The connection to the server was lost. Trying again.').waitFor();
    await assertAccessible(page);
    running = await startServer();
    await running.lamina.runtime.start('tiny');
    proxy.target = running.url;
    await live();
    await rows('The server was started again').waitFor();
    await rows('listening on').nth(1).waitFor();
    await link('Models').first().click();
    await button('Stop tiny').waitFor();
  });

  it('follows the log of the model that runs, which can be filtered, paused, copied and saved', async () => {
    await start();
    await openLive('#/logs', { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByText('No model is running.').waitFor();
    await assertAccessible(page);
    await page.setViewportSize({ width: 1280, height: 800 });
    await running.lamina.runtime.start('tiny');
    await rows('listening on').waitFor();
    assert.match(page.url(), /#\/logs\/tiny$/);
    assert.match((await page.getByRole('log').textContent())!, /stderr green/);
    await assertAccessible(page);

    await button('Pause').click();
    await running.lamina.runtime.stop('tiny');
    await running.lamina.runtime.start('tiny');
    await button('6 new lines').click();
    assert.equal(await rows('listening on').count(), 2);
    await button('Pause').waitFor();

    const filter = page.getByPlaceholder('Filter');
    await filter.fill('loading: \\d\\d %');
    await rows('listening on').first().waitFor({ state: 'detached' });
    assert.equal(await rows('loading').count(), 2);
    await button('Copy').click();
    await button('Copied').waitFor();
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    assert.match(copied, /^\S+Z stderr loading: 50 %\n\S+Z stderr loading: 50 %\n$/);
    const [saved] = await Promise.all([page.waitForEvent('download'), button('Download').click()]);
    assert.equal(saved.suggestedFilename(), 'tiny.log');
    assert.equal(await readFile(await saved.path(), 'utf8'), copied);
    await filter.fill('(green');
    await page.getByText('not a regular expression').waitFor();
    await page.getByText('No line matches the filter.').waitFor();

    await page.getByLabel('Model', { exact: true }).selectOption('team/own coder');
    await page.getByText('has printed nothing since the server was started').waitFor();
    assert.match(page.url(), /#\/logs\/team%2Fown%20coder$/);
    assert.deepEqual(opened.problems, []);
  });

  it('follows the end of a log until the reader scrolls up', async () => {
    await start();
    await openLive('#/logs/tiny', { viewport: { width: 1280, height: 420 } });
    const restart = async () => {
      await running.lamina.runtime.stop('tiny');
      await running.lamina.runtime.start('tiny');
    };
    for (let count = 1; count <= 3; count++) {
      await restart();
      await rows('listening on')
        .nth(count - 1)
        .waitFor();
    }
    const log = page.getByRole('log');
    const end = () =>
      waitUntil(
        page,
        '(log => log.scrollHeight - log.scrollTop - log.clientHeight < 2)(document.querySelector("[role=log]"))',
      );
    await end();
    await log.focus();
    await page.keyboard.press('Home');
    await button('Newest').waitFor();
    await restart();
    await rows('listening on').nth(3).waitFor();
    assert.equal(await log.evaluate(({ scrollTop }) => scrollTop), 0);
    await button('Newest').click();
    await end();
    assert.equal(await focused(), 'Log of tiny');
    await restart();
    await rows('listening on').nth(4).waitFor();
    await end();
  });

  it('shows events as they happen, each with its JSON', async () => {
    await start();
    await openLive('#/events');
    await page.getByText('No event since this view was opened.').waitFor();
    await running.lamina.runtime.start('tiny');
    await rows('tiny is ready').click();
    await rows('"load_ms"').waitFor();
    assert.equal(await rows('log.line').count(), 0);
    await assertAccessible(page);
    await page.getByLabel('Log lines').check();
    await page.getByLabel('Progress').check();
    await running.lamina.runtime.stop('tiny');
    await running.lamina.runtime.start('tiny');
    await rows('tiny: green').waitFor();
    await rows('model.progress').first().waitFor();
    await page.getByPlaceholder('Filter').fill('^model\\.stopped');
    await rows('model.state').first().waitFor({ state: 'detached' });
    await rows('tiny was stopped (requested)').waitFor();
    assert.deepEqual(opened.problems, []);
  });
});
