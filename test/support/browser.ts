// Opens pages in a real Chromium, records what they load and what goes wrong in them, and checks them with axe.
import assert from 'node:assert/strict';
import axe from 'axe-core';
import { chromium as playwright, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { inPath } from './nginx.js';

/** Path of Chromium: from LAMINA_CHROMIUM, or in PATH. */
export const chromium =
  process.env['LAMINA_CHROMIUM'] ??
  ['chromium', 'chromium-browser', 'google-chrome'].map(inPath).find((path) => path !== undefined);

const axeOptions: axe.RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  resultTypes: ['violations'],
};

/** A page, and what has happened in it since it was opened. */
export interface RecordedPage {
  readonly page: Page;
  /** URL of each request and WebSocket, in order. */
  readonly requests: readonly string[];
  /** Console errors, uncaught errors and violations of the content security policy, each with its kind before it. */
  readonly problems: readonly string[];
}

/** Starts a headless Chromium. The caller closes it, which closes its pages. */
export function openBrowser(): Promise<Browser> {
  return playwright.launch({ executablePath: chromium!, args: ['--disable-gpu'] });
}

/**
 * Opens a URL in a new page and waits until it is loaded. In a browser, the page has storage of its own; in a context of
 * a browser, it shares that of the context.
 * @throws when the URL does not respond
 */
export async function openPage(owner: Browser | BrowserContext, url: string): Promise<RecordedPage> {
  const page = await owner.newPage();
  const requests: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console error: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`page error: ${error.message}`));
  await page.exposeFunction('recordViolation', (text: string) => problems.push(`CSP violation: ${text}`));
  await page.addInitScript(`addEventListener('securitypolicyviolation', (violation) =>
    recordViolation(violation.effectiveDirective + ' ' + violation.blockedURI))`);
  await page.goto(url);
  return { page, requests, problems };
}

/**
 * Waits until an expression is true in a page. `waitForFunction` evaluates it in the page, which a content security policy
 * without `unsafe-eval` only allows at the first attempt.
 */
export async function waitUntil(page: Page, expression: string): Promise<void> {
  while (!(await page.evaluate<boolean>(expression)));
}

/** What axe finds in a page as it is now: one line per rule that is violated, with the selectors of the elements. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source); // Not a script element, which the content security policy of the page would block.
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(${JSON.stringify(axeOptions)})`);
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target.join(' ')).join(', ')})`,
  );
}

/** Checks a view as it is now, in light and dark, wide and narrow: axe finds nothing, and nothing is wider than the window. */
export async function assertAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1280, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const where = `${colorScheme}, ${width} px`;
      assert.deepEqual(await axeViolations(page), [], where);
      const widths = '[document.body, ...document.querySelectorAll("main")].map(({ scrollWidth }) => scrollWidth)';
      assert.ok(
        Math.max(...(await page.evaluate<number[]>(widths))) <= width,
        `${where}: it is wider than the window.`,
      );
    }
}
