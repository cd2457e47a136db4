// The view of requests in a browser: what runs, what has ended, one opened into its parts, and its texts under a mark.
import assert from 'node:assert/strict';
import type { Plugin } from '@lamina/core';
import { ui } from '@lamina/plugin-ui';
import type { Browser } from 'playwright-core';
import { chromium, openBrowser, openPage, type RecordedPage } from '../../../test/dist/support/browser.js';
import { describeWith } from '../../../test/dist/support/nginx.js';
import { assertAccessible } from './support/accessible.js';
import { startPageServer, type PageServer } from './support/page-server.js';

describeWith({ chromium }, 'the view of requests', function () {
  this.timeout(60_000);
  let browser: Browser;
  let server: PageServer;
  let opened: RecordedPage;

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());
  afterEach(async () => {
    await opened.page.close();
    await server.close();
  });

  const start = async (...plugins: Plugin[]) => (server = await startPageServer(plugins));

  const open = async () => (opened = await openPage(browser, `${server.url}/ui/#/requests`));

  it('shows a request while it runs, and how it ended', async () => {
    await start(ui());
    const { page, problems } = await open();
    await page.getByText('No requests yet').waitFor();
    const leave = new AbortController();
    const endless = server.chat({ model: 'tiny', messages: [{ role: 'user', content: '/count' }] }, leave.signal);
    const row = page.locator('tr.request');
    await row.getByText('running').waitFor();
    await row.getByText(/^[1-9]\d* ms$|^\d.* s$/).waitFor();
    leave.abort();
    await assert.rejects(endless);
    await row.getByText('499 cancelled').waitFor();
    assert.equal(await server.chat({ model: 'broken' }), 502);
    await row.getByText('502 failed').waitFor();
    await page.getByLabel('Status').selectOption('failed');
    await page.getByText('499 cancelled').waitFor({ state: 'detached' });
    assert.equal(await row.count(), 1);
    assert.match(page.url(), /#\/requests\?status=failed$/);
    assert.deepEqual(problems, []);
  });

  it('opens a row by keyboard: its parts, and why it failed', async () => {
    await start(ui());
    await server.chat({ model: 'broken' });
    await server.chat({ model: 'tiny' });
    const { page } = await open();
    const opener = page.locator('tr.request', { hasText: 'tiny' }).getByRole('button');
    await opener.focus();
    await page.keyboard.press('Enter');
    await page
      .getByRole('img', { name: /^What the time went into: Queue .*, Load .*, First token .*, Answer / })
      .waitFor();
    await page.getByText('Prompts and answers are not kept.').waitFor();
    assert.equal(await opener.getAttribute('aria-expanded'), 'true');
    await page.keyboard.press('Enter');
    assert.equal(await opener.getAttribute('aria-expanded'), 'false');
    await page.locator('tr.request', { hasText: 'broken' }).click();
    await page.getByText('failed to start').waitFor();
  });

  it('stands still while it is paused', async () => {
    await start(ui());
    await server.chat({ model: 'tiny' });
    const { page } = await open();
    await page.locator('tr.request').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await server.chat({ model: 'tiny' });
    await page.getByText('Paused. 1 request ended since.').waitFor();
    assert.equal(await page.locator('tr.request').count(), 1);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.locator('tr.request').nth(1).waitFor();
  });

  it('shows prompts and answers under a mark when capture is on', async () => {
    await start(ui({ capture: true }));
    await server.chat({ model: 'tiny' });
    const { page } = await open();
    await page.getByText('Prompts and answers are kept in memory: capture is on.').waitFor();
    await page.locator('tr.request').click();
    await page.getByRole('region', { name: 'Text of the prompt' }).getByText('Hello?').waitFor();
    await page.getByRole('region', { name: 'Text of the answer' }).getByText('tiny: 1 2 3').waitFor();
  });

  it('is accessible and fits the window, light and dark, wide and narrow', async () => {
    await start(ui({ capture: true }));
    await server.chat({ model: 'broken' });
    await server.chat({ model: 'tiny' });
    const { page, problems, requests } = await open();
    await page.locator('tr.request', { hasText: 'tiny' }).click();
    await page.getByText('tiny: 1 2 3').waitFor();
    await assertAccessible(page);
    assert.deepEqual(problems, []);
    assert.deepEqual([...new Set(requests.map((url) => new URL(url).host))], [new URL(server.url).host]);
  });
});
