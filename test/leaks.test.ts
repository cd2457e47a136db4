// The leak check of all test runs: it fails a run that leaves something behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { root } from './support/root.js';

const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
const support = join(root, 'test/dist/support');

/** Runs a suite that leaves something behind. */
async function runLeakingSuite(leak: string): Promise<{ code: unknown; output: string }> {
  const args = [mocha, '--no-config', '--require', join(support, 'leaks.js'), join(support, 'leaking.js')];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, LEAK: leak },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], ...output] = await Promise.all([
    once(child, 'close') as Promise<unknown[]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, output: output.join('') };
}

describe('a run of the tests', function () {
  this.timeout(60_000);

  it('passes when nothing is left', async () => assert.equal((await runLeakingSuite('nothing')).code, 0));

  const signs: Readonly<Record<string, RegExp>> = {
    timer: /left behind: 1 Timeout/,
    port: /left behind: 1 TCPServerWrap/,
    file: /Temporary files were left behind[^]*left\.txt/,
    child: /Processes were left behind[^]*sleep 31/,
    orphan: /Processes were left behind[^]*sleep 32/,
    early: /does not end by itself: .*Timeout/,
  };
  for (const [leak, sign] of Object.entries(signs)) {
    it(`fails with a message when a test leaves: ${leak}`, async () => {
      const { code, output } = await runLeakingSuite(leak);
      assert.notEqual(code, 0);
      assert.match(output, sign);
    });
  }
});
