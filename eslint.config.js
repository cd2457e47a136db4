// What the linter holds: mistakes the compiler lets pass, and the habits of the house (CONTRIBUTING.md).
import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const noExportAll = { selector: 'ExportAllDeclaration', message: 'Name what is exported, one by one.' };
const noDefaultExport = { selector: 'ExportDefaultDeclaration', message: 'Export by name.' };
const noNull = {
  selector: ':not(BinaryExpression) > Literal[raw="null"]',
  message: 'Use undefined; null is only compared with.',
};

export default defineConfig(
  globalIgnores(['**/dist/', '**/dist-test/', 'coverage/']),
  eslint.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', noExportAll, noDefaultExport],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // Off: it wants assertions gone that no-unsafe-return and no-base-to-string then miss.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // Off: the contract is written in method syntax and implemented by closures, which are taken apart on purpose.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [importX.flatConfigs.typescript],
    plugins: { 'import-x': importX },
    // Without this resolver the rule follows no import: sources name the compiled files (`./x.js`).
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts'] } })] },
    rules: { 'import-x/no-cycle': 'error' },
  },
  {
    files: ['packages/*/src/**'],
    ignores: ['packages/testing/src/fake-engine/**'], // It writes the JSON of others, who use null.
    rules: {
      'max-lines': ['error', { max: 340, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', noExportAll, noDefaultExport, noNull],
    },
  },
  {
    files: ['packages/*/src/**'],
    ignores: ['**/main.ts', 'packages/core/src/config.ts'], // The second makes it the default of an option.
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only a main.ts reads the environment; it hands it on.' },
      ],
    },
  },
  {
    files: ['packages/*/test/**', 'test/**'], // What a test takes off the wire is asserted, not typed.
    rules: {
      ...Object.fromEntries(
        ['argument', 'assignment', 'call', 'member-access', 'return'].map((what) => [
          `@typescript-eslint/no-unsafe-${what}`,
          'off',
        ]),
      ),
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        AbortController: 'readonly',
        console: 'readonly',
        fetch: 'readonly',
        performance: 'readonly',
        process: 'readonly',
        URL: 'readonly',
      },
    },
  },
  // Those who load them want a default export.
  {
    files: ['eslint.config.js', 'scripts/test-reporter.mjs', '**/*-config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
