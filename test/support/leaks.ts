// Leak check for a run of mocha: gives it a temporary folder, and fails at the end if the folder is not empty, something
// is open, or a process is running.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { watchForLeaks } from '@lamina/testing';

const processesEndMs = 5_000;
const mochaEndsMs = 3_000;
const folder = mkdtempSync(join(tmpdir(), 'lamina-run-'));
process.env['TMPDIR'] = folder; // Inherited by all processes that tests start, which identifies them.

/** Root hooks: .mocharc.json requires this file. */
export const mochaHooks = {
  async beforeAll(this: Mocha.Context): Promise<void> {
    const assertNothingOpen = await watchForLeaks();
    // Added when all files are loaded, so that it runs after their hooks.
    this.test!.parent!.afterAll('nothing is left behind', async function () {
      this.timeout(30_000);
      await assertNothingLeft(assertNothingOpen).finally(endInTime);
    });
  },
};

async function assertNothingLeft(assertNothingOpen: () => Promise<void>): Promise<void> {
  const processes = await remainingProcesses();
  for (const pid of processes.keys()) process.kill(pid, 'SIGKILL');
  const files = readdirSync(folder);
  rmSync(folder, { recursive: true });
  assert.deepEqual([...processes.values()], [], 'Processes were left behind.');
  assert.deepEqual(files, [], 'Temporary files were left behind.');
  await assertNothingOpen();
}

/** Processes of this run, orphans included, after waiting for those that are ending: pid → command line. */
async function remainingProcesses(): Promise<Map<number, string>> {
  for (const deadline = performance.now() + processesEndMs; ; await delay(50)) {
    const processes = runningProcesses();
    if (processes.size === 0 || performance.now() > deadline) return processes;
  }
}

function runningProcesses(): Map<number, string> {
  if (!existsSync('/proc/self')) return new Map(); // Not Linux: orphans cannot be found.
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const ours = pids.filter((pid) => read(pid, 'environ').split('\0').includes(`TMPDIR=${folder}`));
  return new Map(ours.map((pid) => [Number(pid), read(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 200)]));
}

/** A file of /proc; empty when the process has ended or may not be read. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Mocha exits when nothing is open. This timer does not keep it running; if it fires, something else does. */
function endInTime(): void {
  const fail = () => {
    console.error(`mocha does not end by itself: ${process.getActiveResourcesInfo().join(', ')}`);
    process.once('exit', () => (process.exitCode = 1)); // Mocha sets its own exit code in such a listener, just before this one.
    process.exit();
  };
  setTimeout(fail, mochaEndsMs).unref();
}
