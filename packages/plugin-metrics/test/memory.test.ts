// The memory of processes is read in two ways: from /proc, and by the program ps.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { memoryOf } from '../dist/memory.js';

const hasPs = spawnSync('ps', ['-p', '1']).status === 0;

describe('the memory of processes', () => {
  for (const platform of ['linux', 'darwin'] as const) {
    it(`is read as on ${platform}, without processes that have ended`, async function () {
      if (platform === 'linux' ? process.platform !== 'linux' : !hasPs) return this.skip();
      const { pid: ended } = spawnSync(process.execPath, ['--version']);
      const memory = await memoryOf([process.pid, ended], platform);
      assert.deepEqual([...memory.keys()], [process.pid]);
      const ratio = memory.get(process.pid)! / process.memoryUsage.rss();
      assert.ok(ratio > 0.5 && ratio < 2, `${ratio} times what Node says`);
      assert.equal((await memoryOf([ended], platform)).size, 0);
      assert.equal((await memoryOf([], platform)).size, 0);
    });
  }
});
