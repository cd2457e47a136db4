// Runs the conformance suites of all installed engines and prints a table of the results. Arguments select packages by a
// part of their names: npm run test:engines -- vllm. A suite sets its engine in a hook: `Object.assign(this, { engine,
// version })`. scripts/get-engines.sh installs the engines.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';

const testFolders = [
  ...readdirSync('packages').map((name) => join('packages', name, 'dist-test')),
  join('test', 'dist'),
];
const wanted = process.argv.slice(2);
const isWanted = (path) => wanted.length === 0 || wanted.some((name) => path.includes(name));
const suites = testFolders
  .filter(isWanted)
  .flatMap(list)
  .filter((path) => /(conformance|builtin)\.(real|stand-in)\.test\.js$/.test(path));
const mocha = new Mocha({ timeout: 60_000, reporter: 'spec' });
for (const path of suites) mocha.addFile(path);
await mocha.loadFilesAsync();

const rows = new Map(mocha.suite.suites.map((suite) => [suite, { passed: 0, failed: 0, skipped: new Map() }]));
const runner = mocha.run((failures) => {
  console.log('\n| engine | version | passed | failed | skipped |\n|---|---|---|---|---|');
  for (const [suite, row] of rows) console.log(lineOf(suite, row));
  process.exitCode = failures > 0 ? 1 : 0;
});
runner.on('pass', (test) => void (rowOf(test).passed += 1));
runner.on('fail', (test) => void (rowOf(test).failed += 1));
runner.on('pending', (test) => {
  const absent = test.parent.isPending();
  const [name, reason] = reasonIn(absent ? test.parent.title : test.title);
  const { skipped } = rowOf(test);
  skipped.set(reason, absent ? ['all'] : [...(skipped.get(reason) ?? []), name]);
});

function lineOf(suite, { passed, failed, skipped }) {
  const { engine = suite.title.split(/ is a backend|:/)[0], version = '' } = suite.ctx;
  const reasons = [...skipped].map(([reason, names]) => `${names.join('; ')}: *${reason}*`);
  return `| ${engine} | ${version} | ${passed} | ${failed} | ${reasons.join('<br>')} |`;
}

/** Splits `a case (skipped: a reason)`. */
function reasonIn(title) {
  const [, name, reason = ''] = /^(.*?)(?: \(skipped: (.*)\))?$/.exec(title);
  return [name, reason];
}

function rowOf(test) {
  let suite = test.parent;
  while (!rows.has(suite)) suite = suite.parent;
  return rows.get(suite);
}

function list(folder) {
  try {
    return readdirSync(folder, { recursive: true }).map((name) => join(process.cwd(), folder, String(name)));
  } catch {
    return [];
  }
}
