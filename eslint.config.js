// Lint rules: mistakes that the compiler does not find, and the rules of this project (CONTRIBUTING.md).
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
      // Off: it removes assertions that no-unsafe-return and no-base-to-string need.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // Off: the contract uses method syntax and is implemented by closures, which may be destructured.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [importX.flatConfigs.typescript],
    plugins: { 'import-x': importX },
    // Without this resolver the rule follows no import, because sources import the compiled files (`./x.js`).
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts'] } })] },
    // External packages do not import files of this repository, so they cannot be part of a cycle.
    rules: { 'import-x/no-cycle': ['error', { ignoreExternal: true }] },
  },
  {
    files: ['packages/*/src/**'],
    ignores: ['packages/testing/src/fake-engine/**'], // It writes JSON of other APIs, which use null.
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', noExportAll, noDefaultExport, noNull],
    },
  },
  {
    files: ['packages/*/src/**'],
    ignores: ['**/main.ts', 'packages/core/src/config.ts'], // config.ts uses it as the default of an option.
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only a main.ts reads the environment; it hands it on.' },
      ],
    },
  },
  {
    files: ['packages/*/test/**', 'test/**'], // Tests assert what they receive instead of typing it.
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
  {
    files: ['test/clients/**'],
    languageOptions: { globals: { after: 'readonly', before: 'readonly', describe: 'readonly', it: 'readonly' } },
  },
  // Their loaders require a default export.
  {
    files: ['eslint.config.js', 'scripts/test-reporter.mjs', '**/*-config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
