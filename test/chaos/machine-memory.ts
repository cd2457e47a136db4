// Takes memory from the server, and gives it back: other programs use it, or the machine has less.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pick, repeat, type Chaos } from './context.js';
import { budgetBytes } from './models.js';
import type { MachineMemory } from './settings.js';

const enough: MachineMemory = { totalBytes: 4 * budgetBytes, availableBytes: 4 * budgetBytes };
const restMs = 110_000;

/** The path of the file, in the folder of a run. */
export function machineFile(folder: string): string {
  return join(folder, 'machine.json');
}

/** Says what the machine has. */
export function writeMachine(folder: string, memory: MachineMemory = enough): void {
  const path = machineFile(folder);
  writeFileSync(`${path}~`, JSON.stringify(memory));
  renameSync(`${path}~`, path);
}

/** About once a minute, takes memory for a few seconds. */
export function disturbMemory(chaos: Chaos): Promise<void> {
  return repeat(chaos, restMs, async () => {
    const ways: readonly [string, MachineMemory][] = [
      ['memory used by other programs', { ...enough, availableBytes: budgetBytes / 3 }],
      ['memory taken from the machine', { totalBytes: 0.4 * budgetBytes, availableBytes: 0.4 * budgetBytes }],
    ];
    const [what, memory] = pick(chaos, ways);
    const end = chaos.disturbances.begin('memory');
    chaos.tally.countDisturbance(what);
    writeMachine(chaos.scratch, memory);
    await delay(1_000 + chaos.random() * 6_000, undefined, { signal: chaos.over }).catch(() => undefined);
    writeMachine(chaos.scratch);
    end();
  });
}
