// A conformance kit whose test runner ends in the middle of a case kills its engine.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { livingProcesses } from '../dist/conformance/processes.js';
import { testFolder } from './fake-kit.js';

const runner = fileURLToPath(new URL('kit-runner.js', import.meta.url));

describe('a conformance kit leaves no engine when its runner', () => {
  const folder = testFolder();

  for (const [how, end, code, signal] of [
    ['is interrupted with SIGINT', 'SIGINT', null, 'SIGINT'],
    ['is ended with SIGTERM', 'SIGTERM', null, 'SIGTERM'],
    ['exits', 'exit', 3, null],
  ] as const) {
    it(how, async () => {
      const child = spawn(process.execPath, [runner, folder, 'options reach the engine'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      assert.ok(isRunning(Number(line)));
      if (end === 'exit') child.stdin.write('exit\n');
      else child.kill(end);
      assert.deepEqual(await exited, [code, signal]);
      while (isRunning(Number(line))) await setTimeout(20); // There is no event for the end of its child.
    });
  }
});

function isRunning(pid: number): boolean {
  return livingProcesses().some((process) => process.pid === pid);
}
