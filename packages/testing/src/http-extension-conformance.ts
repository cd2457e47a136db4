// What the HTTP routes of every plugin must do, as a list of cases for any test runner.
import assert from 'node:assert/strict';
import type { ConformanceCase } from './backend-conformance.js';
import { accessCases } from './http-extension/access-cases.js';
import { ExtensionHost } from './http-extension/host.js';
import type { HttpExtensionKit } from './http-extension/kit.js';
import { streamCases } from './http-extension/stream-cases.js';

const cases = { ...accessCases, ...streamCases };

/** The name of a case of {@link httpExtensionConformance}. */
export type HttpExtensionCaseName = keyof typeof cases;

/**
 * The cases for the HTTP routes of a plugin. Each case creates a Lamina with the plugin and the fake engine, and closes it.
 * @throws Error when `skip` names a case that does not exist, or gives no reason
 * @example
 * ```ts
 * for (const { name, skip, run } of httpExtensionConformance(kit)) (skip ? it.skip : it)(name, run);
 * ```
 */
export function httpExtensionConformance(kit: HttpExtensionKit): ConformanceCase[] {
  for (const [name, reason] of Object.entries(kit.skip ?? {})) {
    assert.ok(name in cases, `There is no case "${name}" to skip. The cases are:\n${Object.keys(cases).join('\n')}`);
    assert.ok(reason.trim() !== '', `The case "${name}" is skipped without a reason.`);
  }
  return Object.entries(cases).map(([name, runCase]) => ({
    name,
    ...(kit.skip?.[name] === undefined ? {} : { skip: kit.skip[name] }),
    async run() {
      const host = await ExtensionHost.open(kit);
      try {
        await runCase(host);
      } finally {
        await host.close();
      }
    },
  }));
}
