// The ways a fake engine dies.
import { existsSync, writeFileSync } from 'node:fs';
import type { Behaviour } from './behaviour.js';

/** Whether a fault that may happen only once is due now; if so, it will not be the next time. */
export function isDue(behaviour: Behaviour): boolean {
  if (behaviour.once === undefined) return true;
  if (existsSync(behaviour.once)) return false;
  writeFileSync(behaviour.once, '');
  return true;
}

/** Dies as an engine with a bug does: a last word, then at once. */
export function crash(): never {
  process.stderr.write('fatal: the fake engine was told to crash\n');
  process.kill(process.pid, 'SIGKILL');
  throw new Error('A process that was killed does not get here.');
}
