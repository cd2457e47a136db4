// Waiting on a clock that a test may own.
import type { Clock } from '../../contract/context.js';

/** Resolves after `ms`. @throws the signal's reason */
export function waitFor(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const left = () => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', left);
      resolve();
    });
    signal.addEventListener('abort', left, { once: true });
  });
}
