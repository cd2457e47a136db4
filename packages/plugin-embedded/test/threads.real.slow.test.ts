// The number of threads the engine computes with.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { describeReal } from './real-engine.js';
import { threadsFile } from './threads.js';

const taskset = ['/usr/bin/taskset', '/bin/taskset'].find((path) => existsSync(path));

/**
 * The maximum number of threads of engines started with the given numbers of threads (0: the engine chooses),
 * on one CPU.
 */
async function countOnOneProcessor(...threads: number[]): Promise<number[]> {
  const { stdout } = await promisify(execFile)(taskset!, [
    '-c',
    '0',
    process.execPath,
    threadsFile,
    ...threads.map(String),
  ]);
  return JSON.parse(stdout) as number[];
}

describeReal('the threads of the embedded engine', function () {
  this.timeout(60_000);

  (taskset === undefined ? it.skip : it)(
    'are no more than the cores that it may use: one where it may use one processor',
    async () => {
      const [one, chosen] = await countOnOneProcessor(1, 0);
      assert.equal(chosen, one);
    },
  );
});
