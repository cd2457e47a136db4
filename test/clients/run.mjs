// Runs unmodified clients against lamina-server on each engine that is installed, and prints a table: npm run test:clients
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import { mochaHooks } from '../dist/support/leaks.js';

const mocha = new Mocha({ timeout: 60_000, reporter: 'spec', rootHooks: mochaHooks });
for (const name of readdirSync(import.meta.dirname).filter((file) => file.endsWith('.test.mjs')))
  mocha.addFile(join(import.meta.dirname, name));
await mocha.loadFilesAsync();

/** Client → feature → engine → result. */
const table = new Map();
const engines = new Set();
const runner = mocha.run((failures) => {
  console.log(`\n| client | feature | ${[...engines].join(' | ')} |\n|---|---|${'---|'.repeat(engines.size)}`);
  for (const [client, features] of table)
    for (const [feature, results] of features)
      console.log(
        `| ${client} | ${feature} | ${[...engines].map((engine) => results.get(engine) ?? '').join(' | ')} |`,
      );
  process.exitCode = failures > 0 ? 1 : 0;
});
runner.on('pass', (test) => add(test, 'ok'));
runner.on('fail', (test) => add(test, 'FAIL'));
runner.on('pending', (test) => add(test, 'skipped'));

function add(test, result) {
  const [client, engine, title] = test.titlePath();
  if (title === undefined) return; // A hook of all suites.
  const [, feature, reason] = /^(.*?)(?: \(skipped: (.*)\))?$/.exec(title);
  engines.add(engine);
  if (!table.has(client)) table.set(client, new Map());
  const features = table.get(client);
  if (!features.has(feature)) features.set(feature, new Map());
  features.get(feature).set(engine, reason === undefined ? result : `${result}: ${reason}`);
}
