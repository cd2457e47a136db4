// Runs the tests with one mocha process per package, as many at a time as there are cores. Prints one line per package,
// the output of those that failed, and the totals. `--slow` runs the slow suites too, `--jobs <number>` limits the
// processes, other arguments select packages: npm test -- core cli
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { slow: { type: 'boolean', default: false }, jobs: { type: 'string' } },
});
process.chdir(join(import.meta.dirname, '..'));
// Not bin/mocha.js: that loads mocha, finds the flag for Node in .mocharc.json, and starts this in another process.
const mocha = createRequire(import.meta.url).resolve('mocha/lib/cli/cli.js');

const folders = [
  ...readdirSync('packages').map((name) => ({ name, folder: join('packages', name, 'dist-test') })),
  { name: 'system', folder: join('test', 'dist') },
];
const queue = folders
  .filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  .map(({ name, folder }) => ({ name, files: testFilesIn(folder) }))
  .filter(({ files }) => files.length > 0)
  .sort((a, b) => b.files.length - a.files.length); // The longest first, so that no core idles at the end.
const totals = { passed: 0, failed: 0, skipped: 0 };

const jobs = Math.min(Number(options.jobs ?? availableParallelism()), queue.length);
await Promise.all(Array.from({ length: jobs }, runQueue));
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;

async function runQueue() {
  for (let suite = queue.shift(); suite !== undefined; suite = queue.shift()) await runSuite(suite);
}

async function runSuite({ name, files }) {
  const startedAt = performance.now();
  const args = ['--enable-source-maps', mocha, '--reporter', join('scripts', 'test-reporter.mjs'), ...files];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(stdout);
  const [passed, failed, skipped] = counts === null ? [0, 0, 0] : counts.slice(1).map(Number);
  const hasFailed = code !== 0 || failed > 0;
  const lines = counts === null ? stdout : stdout.slice(0, counts.index);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const note = counts === null ? ` (mocha ended early: ${signal ?? `exit code ${code}`})` : '';
  console.log(
    `${hasFailed ? 'FAIL' : 'ok  '}  ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s${note}`,
  );
  if (lines.trim() !== '') console.log(lines.trimEnd());
  if (hasFailed && stderr.trim() !== '') console.log(stderr.trimEnd());
  totals.passed += passed;
  totals.failed += hasFailed ? Math.max(failed, 1) : 0;
  totals.skipped += skipped;
}

/** Compiled test files, without the slow suites unless they are wanted. */
function testFilesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map((file) => join(folder, String(file)))
    .filter((file) => file.endsWith('.test.js') && (options.slow || !file.endsWith('.slow.test.js')));
}
