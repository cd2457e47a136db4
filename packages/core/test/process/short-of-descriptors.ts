// A Lamina in a process of its own with few descriptors: it starts a model with none left, with one, with
// two, … and finally with all.
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { LaminaError } from '../../dist/index.js';
import { createTestLamina, fakePlugin } from '@lamina/testing';

export const shortOfDescriptorsFile = new URL('./short-of-descriptors.js', import.meta.url).pathname;

/** The results. */
export interface ShortOfDescriptors {
  /** How many descriptors were left → the error of the start; no entry where the model started. */
  readonly failures: readonly { readonly left: number; readonly code: string; readonly message: string }[];
  /** The smallest number with which it started. */
  readonly startedWith: number;
  /** Whether the start with all descriptors was guarded, and its state. */
  readonly guarded: boolean;
  readonly state: string;
  /** Availability of the backend without descriptors, and afterwards. */
  readonly availability: readonly { readonly available: boolean; readonly reason?: string }[];
}

const most = 40;

async function main(): Promise<ShortOfDescriptors> {
  const lamina = await createTestLamina({
    files: { 'model.fake': 'a fake model' },
    plugins: [fakePlugin()],
    manifest: { models: { tiny: { path: 'model.fake', backend: 'fake' } } },
  });
  const opened = openAll();
  const availability = [await availabilityOf()];
  const failures: { left: number; code: string; message: string }[] = [];
  let startedWith: number | undefined;
  for (let left = 0; left <= most && startedWith === undefined; left += 1) {
    try {
      await lamina.runtime.start('tiny');
      startedWith = left;
      await lamina.runtime.stop('tiny');
    } catch (error) {
      const { code, message } = LaminaError.from(error);
      failures.push({ left, code, message });
    }
    closeSync(opened.pop()!);
  }
  opened.forEach(closeSync);
  availability.push(await availabilityOf());
  await lamina.runtime.start('tiny');
  const { state } = lamina.runtime.slot('tiny');
  const guarded = children().some((command) => command.startsWith('/bin/sh'));
  await lamina.close();
  return { failures, startedWith: startedWith!, guarded, state, availability };

  async function availabilityOf() {
    const fake = (await lamina.backends.list()).find(({ name }) => name === 'fake')!;
    return fake.availability;
  }
}

function openAll(): number[] {
  const opened: number[] = [];
  for (;;) {
    try {
      opened.push(openSync('/dev/null', 'r'));
    } catch {
      return opened;
    }
  }
}

function children(): string[] {
  const pids = readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
}

if (process.argv[1] === shortOfDescriptorsFile) console.log(JSON.stringify(await main()));
