// Behaviour when the process has no file descriptors left.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { shortOfDescriptorsFile, type ShortOfDescriptors } from './short-of-descriptors.js';

const linux = process.platform === 'linux' ? it : it.skip;

describe('without file descriptors', () => {
  linux(
    'a start fails with MODEL_START_FAILED and says what to do, and succeeds as soon as there are some',
    async function () {
      this.timeout(60_000);
      const { stdout } = await promisify(execFile)('/bin/sh', [
        '-c',
        `ulimit -n 128; exec "$0" "$1"`,
        process.execPath,
        shortOfDescriptorsFile,
      ]);
      const { failures, startedWith, guarded, state, availability } = JSON.parse(stdout) as ShortOfDescriptors;
      assert.ok(failures.length > 5, `It failed ${failures.length} times.`);
      for (const { left, code, message } of failures) {
        assert.equal(code, 'MODEL_START_FAILED', `${left} left: ${message}`);
        assert.match(
          message,
          /^Model "tiny" failed to start: .*too many files and connections are open in this process; .*ulimit -n/,
        );
      }
      assert.equal(startedWith, failures.length);
      assert.deepEqual({ guarded, state }, { guarded: true, state: 'ready' });
      assert.deepEqual(
        availability.map(({ available }) => available),
        [false, true],
      );
      assert.match(availability[0]!.reason!, /ulimit -n/);
    },
  );
});
