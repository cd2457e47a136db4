// Lint rules: mistakes that the compiler does not find, and the rules of this project (CONTRIBUTING.md).
import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const noExportAll = { selector: 'ExportAllDeclaration', message: 'Name what is exported, one by one.' };
const noDefaultExport = { selector: 'ExportDefaultDeclaration', message: 'Export by name.' };
const noNull = {
  // A ref of Preact is null before its element exists.
  selector: ':not(BinaryExpression, CallExpression[callee.name="useRef"]) > Literal[raw="null"]',
  message: 'Use undefined; null is only compared with.',
};

/**
 * `no-floating-promises` for files that are linted without types, which would take more time than all other checks: a call
 * of a function that this file declares to be async, or of an assertion about a promise, is a statement of its own.
 */
const noFloatingCalls = {
  create: (context) => ({
    'ExpressionStatement > CallExpression'(node) {
      const { object, property, name } = node.callee;
      const asserts = object?.name === 'assert' && ['rejects', 'doesNotReject'].includes(property.name);
      if (asserts || isAsync(definitionOf(name, context.sourceCode.getScope(node))))
        context.report({ node, message: 'Await the promise, or mark it with `void`.' });
    },
  }),
};
const definitionOf = (name, scope) =>
  scope === null ? undefined : (scope.set.get(name)?.defs[0] ?? definitionOf(name, scope.upper));
/** A parameter is defined by the function that has it, and says nothing about what it returns. */
const isAsync = (definition) =>
  definition?.type !== 'Parameter' &&
  [definition?.node, definition?.node.init].some(
    (node) => node?.async === true || node?.returnType?.typeAnnotation.typeName?.name === 'Promise',
  );

/** The code that users run: of packages, and of the page. */
const shipped = ['packages/*/src/**', 'packages/plugin-ui/page/src/**'];

export default defineConfig(
  globalIgnores(['**/dist/', '**/dist-test/', 'coverage/']),
  eslint.configs.recommended,
  tseslint.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', noExportAll, noDefaultExport],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  {
    files: shipped,
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Off: it removes assertions that no-unsafe-return and no-base-to-string need.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // Off: the contract uses method syntax and is implemented by closures, which may be destructured.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    ignores: shipped,
    plugins: { lamina: { rules: { 'no-floating-calls': noFloatingCalls } } },
    rules: { 'lamina/no-floating-calls': 'error' },
  },
  {
    files: shipped,
    extends: [importX.flatConfigs.typescript],
    plugins: { 'import-x': importX },
    // Without this resolver the rule follows no import, because sources import the compiled files (`./x.js`).
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.tsx'] } })] },
    // External packages do not import files of this repository, so they cannot be part of a cycle.
    rules: { 'import-x/no-cycle': ['error', { ignoreExternal: true }] },
  },
  {
    files: shipped,
    ignores: ['packages/testing/src/fake-engine/**'], // It writes JSON of other APIs, which use null.
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', noExportAll, noDefaultExport, noNull],
    },
  },
  {
    files: shipped,
    ignores: ['**/main.ts', 'packages/core/src/config.ts'], // config.ts uses it as the default of an option.
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only a main.ts reads the environment; it hands it on.' },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
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
    files: ['eslint.config.js', 'scripts/test-reporter.mjs', '**/*-config.ts', '**/vite.config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
