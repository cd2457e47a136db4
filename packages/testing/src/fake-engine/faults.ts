// Crashes of a fake engine.
import { existsSync, writeFileSync } from 'node:fs';
import type { Behaviour } from './behaviour.js';

/** Whether a fault should happen now; one that happens only once is then switched off. */
export function isDue(behaviour: Behaviour): boolean {
  if (behaviour.once === undefined) return true;
  if (existsSync(behaviour.once)) return false;
  writeFileSync(behaviour.once, '');
  return true;
}

/** Crashes as an engine with a bug does: prints a line and exits at once. */
export function crash(): never {
  process.stderr.write('fatal: the fake engine was configured to crash\n');
  process.kill(process.pid, 'SIGKILL');
  throw new Error('A process that was killed does not get here.');
}
