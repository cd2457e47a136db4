// The linter enforces the rules of this project: each violation is found.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import { root } from './support/root.js';

interface Violation {
  readonly text: string;
  readonly rule: string;
  /** The file that the text is linted as; relative to packages/core. */
  readonly path?: string;
}

const violations: Readonly<Record<string, Violation>> = {
  'a default export': { text: 'export default 1;', rule: 'no-restricted-syntax' },
  'an export of everything': { text: "export * from './config.js';", rule: 'no-restricted-syntax' },
  'null as a value': { text: 'export const nothing = null;', rule: 'no-restricted-syntax' },
  'reading the environment outside main.ts': {
    text: "export const home = process.env['HOME'];",
    rule: 'no-restricted-properties',
  },
  'a type imported as a value': {
    text: "import { Config } from './contract/config.js';\nexport type C = Config;",
    rule: '@typescript-eslint/consistent-type-imports',
  },
  'a promise that is not awaited': {
    text: 'export const run = () => { Promise.resolve(1); };',
    rule: '@typescript-eslint/no-floating-promises',
  },
  'an async function as a callback': {
    text: "process.on('exit', async () => { await Promise.resolve(1); });",
    rule: '@typescript-eslint/no-misused-promises',
  },
  'a file of more than 300 lines': { text: "process.emit('exit', 0);\n".repeat(301), rule: 'max-lines' },
  // config.ts imports contract/errors.ts.
  'an import cycle': {
    text: "import { resolveConfig } from '../config.js';\nexport const LaminaError = resolveConfig;",
    rule: 'import-x/no-cycle',
    path: 'src/contract/errors.ts',
  },
  'a rejection in a test that is not awaited': {
    text: "import assert from 'node:assert/strict';\nassert.rejects(Promise.reject(new Error('no')));",
    rule: 'lamina/no-floating-calls',
    path: 'test/index.test.ts',
  },
  'a call of an async function in a test that is not awaited': {
    text: 'const check = async () => { await Promise.resolve(1); };\ncheck();',
    rule: 'lamina/no-floating-calls',
    path: 'test/index.test.ts',
  },
  'a call of a function in a test that returns a promise, and is not awaited': {
    text: 'function check(): Promise<void> { return Promise.resolve(); }\ncheck();',
    rule: 'lamina/no-floating-calls',
    path: 'test/index.test.ts',
  },
};

describe('the linter', function () {
  this.timeout(60_000);
  const eslint = new ESLint({ cwd: root });
  const brokenRules = async (text: string, path = 'src/index.ts') => {
    const [result] = await eslint.lintText(text, { filePath: join(root, 'packages/core', path) });
    return result!.messages.map(({ ruleId }) => ruleId);
  };

  for (const [title, { text, rule, path }] of Object.entries(violations)) {
    it(`rejects ${title}`, async () => assert.deepEqual([...new Set(await brokenRules(text, path))], [rule]));
  }

  it('allows calls of what is not known to be async in a test', async () =>
    assert.deepEqual(
      await brokenRules('export async function check(run: () => void) { run(); }', 'test/index.test.ts'),
      [],
    ));

  it('allows comparisons with null', async () =>
    assert.deepEqual(await brokenRules("export const none = /a/.exec('b') === null;"), []));
});
