// Runs the conformance suite of every engine found on this machine, and prints a table of what each did.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';

const rooms = [...readdirSync('packages').map((name) => join('packages', name, 'dist-test')), join('test', 'dist')];
const suites = rooms.flatMap((room) => list(room)).filter((path) => /(conformance|builtin)\.real\.test\.js$/.test(path));
const mocha = new Mocha({ timeout: 60_000, reporter: 'spec' });
for (const path of suites) mocha.addFile(path);
await mocha.loadFilesAsync();

const rows = new Map(mocha.suite.suites.map((suite) => [suite, { engine: suite.title, passed: 0, failed: 0, skipped: [] }]));
const runner = mocha.run((failures) => {
  console.log('\n| engine | passed | failed | skipped |\n|---|---|---|---|');
  for (const { engine, passed, failed, skipped } of rows.values()) console.log(`| ${engine} | ${passed} | ${failed} | ${skipped.length === 0 ? '' : skipped.join('<br>')} |`);
  process.exitCode = failures > 0 ? 1 : 0;
});
runner.on('pass', (test) => void (rowOf(test).passed += 1));
runner.on('fail', (test) => void (rowOf(test).failed += 1));
runner.on('pending', (test) => void (test.parent.isPending() ? (rowOf(test).skipped[0] = 'all: the engine is not on this machine') : rowOf(test).skipped.push(test.title)));

function rowOf(test) {
  let suite = test.parent;
  while (!rows.has(suite)) suite = suite.parent;
  return rows.get(suite);
}

function list(room) {
  try {
    return readdirSync(room, { recursive: true }).map((name) => join(process.cwd(), room, String(name)));
  } catch {
    return [];
  }
}
