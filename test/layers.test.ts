// Layers import only the layers that they may import.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import ts from 'typescript';
import { root } from './support/root.js';
import { filesIn, sources } from './support/sources.js';

const inside = ['core/contract', 'core/kernel'];

/**
 * Layer → the layers it may import, besides itself. A file directly in core/src is an entry point or part of
 * the composition.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'core/contract': [],
  'core/kernel': ['core/contract'],
  'core/models': inside,
  'core/downloads': inside,
  'core/runtime': inside,
  'core/process': inside,
  'core/inference': inside,
  'core/builtin': [...inside, 'core/process'],
  'core/views': ['core/contract'],
  'core/composition': [
    ...inside,
    'core/models',
    'core/downloads',
    'core/runtime',
    'core/process',
    'core/inference',
    'core/builtin',
  ],
  '@lamina/core': [...inside, 'core/composition', 'core/views'],
  '@lamina/core/plugin': [...inside, 'core/process'],
  '@lamina/core/find-server': [...inside, 'core/composition', 'core/process'],
  '@lamina/core/protocol': inside,
  '@lamina/client': [],
  '@lamina/testing': ['@lamina/core', '@lamina/core/plugin'],
  // It runs in browsers, with nothing that another page could not use. Of core, types only.
  page: ['@lamina/client', '@lamina/core/protocol'],
  plugin: ['@lamina/core', '@lamina/core/plugin', '@lamina/core/protocol', '@lamina/server-koa'],
  'plugin tests': [
    '@lamina/client',
    '@lamina/core',
    '@lamina/core/plugin',
    '@lamina/core/protocol',
    '@lamina/server-koa',
    '@lamina/testing',
    'the page of plugin-ui',
  ],
  '@lamina/config': ['@lamina/core', '@lamina/core/protocol'],
  host: [
    '@lamina/client',
    '@lamina/config',
    '@lamina/core',
    '@lamina/core/find-server',
    '@lamina/core/protocol',
    '@lamina/server-koa',
    '@lamina/server-koa/serve',
  ],
};

const entryPoints: Readonly<Record<string, string>> = {
  index: '@lamina/core',
  plugin: '@lamina/core/plugin',
  'find-server': '@lamina/core/find-server',
  protocol: '@lamina/core/protocol',
};

/**
 * The layer of a source file, as a path from the root; for files of other packages than core, the package and
 * its kind of layer.
 */
function layerOf(path: string): { name: string; kind: string } {
  const [, folder = '', part, first = ''] = path.split('/');
  if (part === 'page') return { name: `the page of ${folder}`, kind: 'page' };
  if (folder.startsWith('plugin-'))
    return { name: `@lamina/${folder}`, kind: part === 'test' ? 'plugin tests' : 'plugin' };
  if (['testing', 'config', 'client'].includes(folder)) return { name: `@lamina/${folder}`, kind: `@lamina/${folder}` };
  if (folder !== 'core') return { name: `@lamina/${folder}`, kind: 'host' };
  const name = extname(first) === '' ? `core/${first}` : (entryPoints[basename(first, '.ts')] ?? 'core/composition');
  return { name, kind: name };
}

/** The layer that an import resolves to; `undefined` for Node and for libraries. */
function targetOf(specifier: string, path: string): string | undefined {
  if (specifier.startsWith('@lamina/')) return specifier;
  return specifier.startsWith('.') ? layerOf(join(dirname(path), specifier.replace(/\.js$/, '.ts'))).name : undefined;
}

function violationsOf(path: string, text: string): string[] {
  const { name, kind } = layerOf(path);
  return importsOf(text)
    .filter((specifier) => {
      const target = targetOf(specifier, path);
      return target !== undefined && target !== name && !mayImport[kind]!.includes(target);
    })
    .map((specifier) => `${path} imports ${specifier}`);
}

function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
}

const pluginTests = filesIn((name) => `packages/${name}/test`).filter((path) => layerOf(path).kind === 'plugin tests');
const files = [...sources, ...pluginTests.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))];

describe('layers', () => {
  for (const kind of Object.keys(mayImport)) {
    it(`${kind} imports ${mayImport[kind]!.join(', ') || 'nothing'} of this repository`, () => {
      const inLayer = files.filter(({ path }) => layerOf(path).kind === kind);
      assert.ok(inLayer.length > 0, `No file is in the layer ${kind}.`);
      assert.deepEqual(
        inLayer.flatMap(({ path, text }) => violationsOf(path, text)),
        [],
      );
    });
  }

  it('have no import cycle, not even of types, which import-x/no-cycle ignores', () => {
    const imports = new Map(
      sources.map(({ path, text }) => [
        path,
        importsOf(text)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => join(dirname(path), specifier.replace(/\.js$/, '.ts'))),
      ]),
    );
    const cyclesFrom = (path: string, parents: readonly string[]): string[] => {
      if (parents.includes(path)) return [[...parents.slice(parents.indexOf(path)), path].join(' → ')];
      const targets = imports.get(path) ?? [];
      imports.delete(path); // Visited.
      return targets.flatMap((target) => cyclesFrom(target, [...parents, path]));
    };
    assert.deepEqual(
      [...imports.keys()].flatMap((path) => cyclesFrom(path, [])),
      [],
    );
  });

  it('are all in the table', () => {
    assert.deepEqual(
      sources.map(({ path }) => path).filter((path) => !(layerOf(path).kind in mayImport)),
      [],
    );
  });

  it('are not called utils, helpers or common', () => {
    assert.deepEqual(
      sources
        .map(({ path }) => path)
        .filter((path) => /(^|\/)(utils?|helpers?|common|misc|shared)(\/|\.ts$)/.test(path)),
      [],
    );
  });

  it('are enforced for every kind of import', () => {
    assert.equal(violationsOf('packages/core/src/models/x.ts', "import { Slot } from '../runtime/slot.js';").length, 1);
    assert.equal(
      violationsOf('packages/core/src/kernel/x.ts', "export type { Lamina } from '../lamina.js';").length,
      1,
    );
    assert.equal(
      violationsOf('packages/core/src/contract/x.ts', "type Hooks = import('../kernel/hooks.js').Hooks;").length,
      1,
    );
    assert.equal(
      violationsOf('packages/plugin-a/src/deep/x.ts', "const b = await import('@lamina/plugin-b');").length,
      1,
    );
    assert.equal(violationsOf('packages/plugin-a/test/x.ts', "import { b } from '../../plugin-b/src/b.js';").length, 1);
    assert.equal(violationsOf('packages/server-koa/src/x.ts', "import '@lamina/core/plugin';").length, 1);
  });
});

describe('@lamina/core/protocol', () => {
  it('loads nothing but its own files', () => {
    const seen = new Set<string>();
    const visit = (path: string): string[] => {
      if (seen.has(path)) return [];
      seen.add(path);
      return importsOf(readFileSync(path, 'utf8')).flatMap((specifier) =>
        specifier.startsWith('.') ? visit(join(dirname(path), specifier)) : [specifier],
      );
    };
    assert.deepEqual(visit(join(root, 'packages/core/dist/protocol.js')), []);
  });
});
