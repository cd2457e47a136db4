// The dashboard in a browser: six charts that follow the server, their tables, and what is shown without metrics.
import assert from 'node:assert/strict';
import { metrics } from '@lamina/plugin-metrics';
import type { Plugin } from '@lamina/core';
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
import { startPageServer, type PageServer } from '../support/page-server.js';

const titles = [
  'Tokens out',
  'Time to first token',
  'Running and waiting',
  'Speed of the last requests',
  'Memory',
  'Loads, evictions, failures',
];

describeWith({ chromium }, 'the dashboard', function () {
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

  const open = async () => (opened = await openPage(browser, `${server.url}/ui/#/dashboard?window=5m`));
  const chart = (page: Page, title: string) => page.getByRole('img', { name: new RegExp(`^${title}, last 5 min: `) });

  it('has six charts, each with a sentence and a table', async () => {
    await start(metrics(), ui());
    await server.chat({ model: 'tiny' });
    const { page, problems } = await open();
    for (const title of titles) {
      await chart(page, title).locator('canvas').waitFor();
      await page.getByRole('button', { name: `Show as table ${title}` }).click();
      await page.getByRole('region', { name: `${title}, table` }).waitFor();
      assert.equal(await chart(page, title).count(), 0);
    }
    const speeds = page.getByRole('region', { name: 'Speed of the last requests, table' });
    assert.match(await speeds.getByRole('row').nth(1).innerText(), /tiny\s.* tok\/s/);
    assert.deepEqual(problems, []);
  });

  it('follows the server', async () => {
    await start(metrics(), ui());
    const { page } = await open();
    await chart(page, 'Loads, evictions, failures').and(page.getByLabel('0 loads, 0 evictions')).waitFor();
    await server.chat({ model: 'tiny' });
    await chart(page, 'Loads, evictions, failures').and(page.getByLabel('1 load, 0 evictions')).waitFor();
    await page.locator('.legend li', { hasText: 'tiny' }).first().waitFor();
  });

  it('has the window and the model in its address', async () => {
    await start(metrics(), ui());
    await server.chat({ model: 'tiny' });
    const { page } = await open();
    await page.getByRole('button', { name: '1 h', exact: true }).click();
    await page.getByRole('img', { name: /^Tokens out, last 1 h: / }).waitFor();
    await page.getByLabel('Model', { exact: true }).selectOption('tiny');
    assert.match(page.url(), /#\/dashboard\?window=1h&model=tiny$/);
    await page.reload();
    await page.getByRole('img', { name: /^Tokens out, last 1 h: / }).waitFor();
    assert.equal(await page.getByLabel('Model', { exact: true }).inputValue(), 'tiny');
  });

  it('shows in all charts the moment under the pointer', async () => {
    await start(metrics(), ui());
    const { page } = await open();
    await chart(page, 'Memory').locator('.u-over').hover();
    const times = page.locator('.legend p', { hasText: /^\d+:\d+:\d+/ });
    await times.nth(titles.length - 1).waitFor();
    assert.equal(new Set(await times.allInnerTexts()).size, 1);
  });

  it('is drawn again in the colours of the other theme, and as wide as the window allows', async () => {
    await start(metrics(), ui());
    const { page, problems } = await open();
    const image = 'document.querySelector(`[aria-label^="Memory"] canvas`)?.toDataURL()';
    const before = await page.evaluate<string>(image);
    await page.getByRole('button', { name: 'Dark colours' }).click();
    await waitUntil(page, `${image} !== ${JSON.stringify(before)}`);
    await page.setViewportSize({ width: 500, height: 800 });
    await waitUntil(
      page,
      '[...document.querySelectorAll("canvas")].every((one) => one.clientWidth === one.closest(".canvas").clientWidth)',
    );
    assert.deepEqual(problems, []);
  });

  it('says how to install the plugin that keeps time series', async () => {
    await start(ui());
    const { page } = await open();
    await page.getByText('npm install @lamina/plugin-metrics').waitFor();
    assert.deepEqual(await axeViolations(page), []);
  });

  it('is accessible and fits the window, light and dark, wide and narrow', async () => {
    await start(metrics(), ui());
    await server.chat({ model: 'tiny' });
    const { page, problems, requests } = await open();
    await page.getByRole('button', { name: 'Show as table Memory' }).click();
    await assertAccessible(page);
    assert.deepEqual(problems, []);
    assert.deepEqual([...new Set(requests.map((url) => new URL(url).host))], [new URL(server.url).host]);
  });
});
