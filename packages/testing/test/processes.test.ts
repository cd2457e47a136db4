// What the conformance kit reads about processes, from /proc and from ps.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fromPs, livingProcesses, ProcessWatch } from '../dist/conformance/processes.js';

const idle = 'setInterval(() => {}, 1e9)';

describe('the list of living processes', () => {
  for (const [source, list] of [
    ['the best source', livingProcesses],
    ['ps', fromPs],
  ] as const) {
    it(`contains this process with its parent, group and command, read from ${source}`, function () {
      if (source === 'ps' && !existsSync('/bin/ps') && !existsSync('/usr/bin/ps')) this.skip();
      const own = list().find(({ pid }) => pid === process.pid);
      assert.equal(own?.parent, process.ppid);
      assert.ok(own.group > 1 && own.start !== '');
      assert.match(own.command, /mocha/);
    });
  }
});

describe('ProcessWatch', () => {
  it('finds a child, and not after its end', async () => {
    const watch = new ProcessWatch();
    const child = spawn(process.execPath, ['-e', idle], { stdio: 'ignore' });
    assert.deepEqual(
      watch.living().map(({ pid }) => pid),
      [child.pid],
    );
    child.kill();
    await once(child, 'exit');
    assert.deepEqual(watch.living(), []);
  });

  it('does not find processes that ran before', async () => {
    const child = spawn(process.execPath, ['-e', idle], { stdio: 'ignore' });
    assert.deepEqual(new ProcessWatch().living(), []);
    child.kill();
    await once(child, 'exit');
  });

  it('finds a grandchild in another group after its parent died, and kills it', async () => {
    const watch = new ProcessWatch();
    const parent = `const c = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(idle)}], { detached: true, stdio: 'ignore' }); console.log(c.pid); ${idle}`;
    const child = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [grandchild] = (await once(child.stdout, 'data')) as [Buffer];
    assert.equal(watch.living().length, 2);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.deepEqual(
      watch.living().map(({ pid }) => pid),
      [Number(grandchild)],
    );
    watch.kill();
    while (watch.living().length > 0); // The system needs a moment to end it, and there is no event for that.
  });
});
