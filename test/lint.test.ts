// The linter holds the habits of the house: each breach is seen.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import { root } from './support/root.js';

const breaches: Readonly<Record<string, { text: string; rule: string }>> = {
  'a default export': { text: 'export default 1;', rule: 'no-restricted-syntax' },
  'an export of everything': { text: "export * from './config.js';", rule: 'no-restricted-syntax' },
  'null as a value': { text: 'export const nothing = null;', rule: 'no-restricted-syntax' },
  'the environment read outside main.ts': {
    text: "export const home = process.env['HOME'];",
    rule: 'no-restricted-properties',
  },
  'a type imported as a value': {
    text: "import { Config } from './contract/config.js';\nexport type C = Config;",
    rule: '@typescript-eslint/consistent-type-imports',
  },
  'a promise nobody waits for': {
    text: 'export const run = () => { Promise.resolve(1); };',
    rule: '@typescript-eslint/no-floating-promises',
  },
  'a promise where a callback is wanted': {
    text: "process.on('exit', async () => { await Promise.resolve(1); });",
    rule: '@typescript-eslint/no-misused-promises',
  },
  'a file of more than 300 lines': { text: "process.emit('exit', 0);\n".repeat(301), rule: 'max-lines' },
};

describe('the linter', function () {
  this.timeout(60_000);
  const eslint = new ESLint({ cwd: root });
  const rulesBroken = async (text: string) => {
    const [result] = await eslint.lintText(text, { filePath: join(root, 'packages/core/src/index.ts') });
    return result!.messages.map(({ ruleId }) => ruleId);
  };

  for (const [title, { text, rule }] of Object.entries(breaches)) {
    it(`refuses ${title}`, async () => assert.deepEqual([...new Set(await rulesBroken(text))], [rule]));
  }

  it('lets null be compared with', async () =>
    assert.deepEqual(await rulesBroken("export const none = /a/.exec('b') === null;"), []));
});
