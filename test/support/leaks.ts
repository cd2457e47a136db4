// For the whole run of mocha: a temporary folder of its own, and at the end nothing left in it, nothing open, no
// process alive.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { watchForLeaks } from '@lamina/testing';

const processesEndMs = 5_000;
const mochaEndsMs = 3_000;
const folder = mkdtempSync(join(tmpdir(), 'lamina-run-'));
process.env['TMPDIR'] = folder; // What a test starts inherits it: whoever has it, however far down, is of this run.

/** Root hooks: .mocharc.json requires this file. */
export const mochaHooks = {
  async beforeAll(this: Mocha.Context): Promise<void> {
    const assertNothingOpen = await watchForLeaks();
    // Added now, when every file is loaded, so that it runs after their own last hooks.
    this.test!.parent!.afterAll('nothing is left behind', async function () {
      this.timeout(30_000);
      await assertNothingLeft(assertNothingOpen).finally(endInTime);
    });
  },
};

async function assertNothingLeft(assertNothingOpen: () => Promise<void>): Promise<void> {
  const processes = await lastingProcesses();
  for (const pid of processes.keys()) process.kill(pid, 'SIGKILL');
  const files = readdirSync(folder);
  rmSync(folder, { recursive: true });
  assert.deepEqual([...processes.values()], [], 'Processes were left behind.');
  assert.deepEqual(files, [], 'Temporary files were left behind.');
  await assertNothingOpen();
}

/** Processes of this run, orphans too, once those that are just ending have ended: pid → command line. */
async function lastingProcesses(): Promise<Map<number, string>> {
  for (const deadline = performance.now() + processesEndMs; ; await delay(50)) {
    const processes = livingProcesses();
    if (processes.size === 0 || performance.now() > deadline) return processes;
  }
}

function livingProcesses(): Map<number, string> {
  if (!existsSync('/proc/self')) return new Map(); // Not Linux: there, those that were orphaned are not found.
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const ours = pids.filter((pid) => read(pid, 'environ').split('\0').includes(`TMPDIR=${folder}`));
  return new Map(ours.map((pid) => [Number(pid), read(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 200)]));
}

/** A file of /proc; empty when the process has ended, or is not ours to look into. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Mocha ends when nothing is left to wait for. This timer does not keep it alive: that it fires means that something
 * else does.
 */
function endInTime(): void {
  const complain = () => {
    console.error(`mocha does not end by itself: ${process.getActiveResourcesInfo().join(', ')}`);
    process.once('exit', () => (process.exitCode = 1)); // Mocha sets its own exit code in such a listener, just before this one.
    process.exit();
  };
  setTimeout(complain, mochaEndsMs).unref();
}
