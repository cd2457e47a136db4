// undici, loaded at its first use: it takes 90 ms and 15 MB, and a command that sends no request does without. Loaded
// with `require`, which tries again after it failed for lack of descriptors; Node remembers a failed import for good.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Loads undici once. A Lamina that owns its data directory calls it when it starts, so that no request waits for it. */
export function loadUndici(): typeof import('undici') {
  return require('undici') as typeof import('undici');
}
