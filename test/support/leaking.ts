// A suite that leaves behind what the variable LEAK names; leaks.test.ts runs it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const leaks: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  timer: () => setInterval(() => undefined, 1_000),
  port: () => once(createServer().listen(0, '127.0.0.1'), 'listening'),
  file: () => writeFileSync(join(tmpdir(), 'left.txt'), ''),
  child: () => spawn('sleep', ['31'], { stdio: 'ignore' }).unref(),
  orphan: () => once(spawn('sh', ['-c', 'sleep 32 &'], { stdio: 'ignore' }), 'exit'),
};

const leak = process.env['LEAK']!;
if (leak === 'early') setInterval(() => undefined, 1_000); // While files are loaded, before the first hook.
it(`leaves ${leak}`, () => leaks[leak]?.() as Promise<unknown>);
