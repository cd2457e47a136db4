// Checks a view as it is now in both colour schemes, in a wide and in a narrow window.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { axeViolations } from '../../../../test/dist/support/browser.js';

/** axe finds nothing, and nothing is wider than the window. */
export async function assertAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1280, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const where = `${colorScheme}, ${width} px`;
      assert.deepEqual(await axeViolations(page), [], where);
      const [content, visible] = await page.evaluate<number[]>(
        '[document.querySelector("main").scrollWidth, document.querySelector("main").clientWidth]',
      );
      assert.equal(content, visible, where);
    }
}
