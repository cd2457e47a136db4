// All packages have the same structure and can be published.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { packedPackages } from './support/packed.js';
import { root } from './support/root.js';
import { sources } from './support/sources.js';

interface PackageJson {
  readonly [field: string]: unknown;
  readonly name: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, string | { types: string; default: string }>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const fields = [
  'name',
  'version',
  'description',
  'license',
  'homepage',
  'repository',
  'bugs',
  'type',
  'engines',
  'keywords',
  'exports',
  'files',
  'publishConfig',
  'scripts',
];
/** Dependencies that are only peers of imported libraries. */
const onlyPeers = ['reflect-metadata'];
/** What makes the files of a package, where that is more than the compiler: core bundles a library, and a page is built. */
const builds: Readonly<Record<string, string>> = {
  core: 'tsc -b && node ../../scripts/bundle-inversify.mjs',
  'plugin-ui': 'tsc -b && vite build page',
};
/** Only its types: a plugin must not bring a server of its own. */
const server = '@lamina/server-koa';
const publicEntryPoints = ['@lamina/core', '@lamina/core/plugin', '@lamina/core/protocol', server];
const headings = ['Install', 'Use', 'Options', 'What it does', 'Errors', 'Tested on'];

const textOf = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');
const whole = JSON.parse(textOf('package.json')) as Record<string, unknown>;
const { version } = JSON.parse(textOf('lerna.json')) as { version: string };
const folders = readdirSync(join(root, 'packages'));

for (const folder of folders) {
  describe(`the package ${folder}`, () => {
    const home = join(root, 'packages', folder);
    const json = JSON.parse(textOf('packages', folder, 'package.json')) as PackageJson;

    it('has complete metadata, and the version and license of all packages', () => {
      assert.deepEqual(
        fields.filter((field) => json[field] === undefined),
        [],
      );
      const { name, version: own, license, type, engines, publishConfig, scripts } = json;
      assert.deepEqual(
        { name, own, license, type, engines },
        { name: `@lamina/${folder}`, own: version, license: 'Apache-2.0', type: 'module', engines: whole['engines'] },
      );
      assert.deepEqual(
        { publishConfig, scripts },
        { publishConfig: { access: 'public' }, scripts: { prepack: builds[folder] ?? 'tsc -b' } },
      );
      assert.deepEqual(
        { repository: json['repository'], bugs: json['bugs'], homepage: json['homepage'] },
        {
          repository: { ...(whole['repository'] as object), directory: `packages/${folder}` },
          bugs: whole['bugs'],
          homepage: `https://github.com/lamina-ai/lamina/tree/main/packages/${folder}#readme`,
        },
      );
      assert.match(json.description, /^[A-Z].*\.$/);
      assert.ok(json.keywords.includes(folder.startsWith('plugin-') ? 'lamina-plugin' : 'lamina'));
    });

    it('exports types and code, built from its sources, and its package.json', () => {
      const { './package.json': own, ...entryPoints } = json.exports;
      assert.equal(own, './package.json');
      for (const [entryPoint, target] of Object.entries(entryPoints)) {
        const name = entryPoint === '.' ? 'index' : entryPoint.slice(2);
        assert.deepEqual(target, { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
        assert.ok(existsSync(join(home, 'src', `${name}.ts`)), `${entryPoint} has no source.`);
      }
      assert.ok('.' in entryPoints);
    });

    it('publishes its code and sources', () => {
      const bin = json.bin === undefined ? [] : ['bin'];
      assert.deepEqual(json.files, [...bin, 'dist', '!dist/.tsbuildinfo', 'src']);
    });

    it('has commands that exist before the build, because npm links no others', () => {
      for (const path of Object.values(json.bin ?? {})) {
        assert.match(path, /^bin\//);
        assert.match(textOf('packages', folder, path), /^#!\/usr\/bin\/env node\n/);
        assert.ok((statSync(join(home, path)).mode & 0o111) !== 0, `${path} is not executable.`);
      }
    });

    it('has core as a peer dependency with a wide range, if it is not for clients, and the server that it extends', () => {
      const extendsServer = folder.startsWith('plugin-') && librariesOf(folder).includes(server);
      const names = ['core', 'client'].includes(folder) ? [] : ['@lamina/core', ...(extendsServer ? [server] : [])];
      assert.deepEqual(Object.keys(json.peerDependencies ?? {}), names);
      assert.ok(Object.values(json.peerDependencies ?? {}).every((range) => range === '>=0.1.0 <1'));
    });

    it('imports exactly its dependencies', () => {
      const declared = Object.keys(json.dependencies ?? {}).filter(
        (name) => !onlyPeers.includes(name) && !name.startsWith('@types/'),
      );
      const peers = Object.keys(json.peerDependencies ?? {}).filter((name) => name !== '@lamina/core');
      assert.deepEqual(librariesOf(folder), [...declared, ...peers].sort());
    });

    it('brings the types that its own types refer to', () => {
      const declared = Object.keys(json.dependencies ?? {}).filter((name) => name.startsWith('@types/'));
      const entryPoints = Object.values(json.exports).flatMap((target) =>
        typeof target === 'string' ? [] : join(home, target.types),
      );
      assert.deepEqual(declared, typePackagesOf(entryPoints));
    });

    it('has a README with the headings of all packages', () => {
      const readme = textOf('packages', folder, 'README.md');
      assert.ok(readme.startsWith(`# @lamina/${folder}\n\n`));
      assert.deepEqual(
        [...readme.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading),
        headings,
      );
    });

    if (folder.startsWith('plugin-'))
      it('imports nothing private: only its own files, its dependencies, and entry points that every author has', () => {
        const texts = sources.filter(({ path }) => path.startsWith(`packages/${folder}/src/`));
        const imported = texts.flatMap(({ path, text }) => importsOf(text).map((name) => ({ path, name })));
        const isOwn = (path: string, name: string) =>
          !relative(join(home, 'src'), resolve(root, dirname(path), name)).startsWith('..');
        const isPublic = (name: string) => !name.startsWith('@lamina/') || publicEntryPoints.includes(name);
        assert.deepEqual(
          imported.filter(({ path, name }) => (name.startsWith('.') ? !isOwn(path, name) : !isPublic(name))),
          [],
        );
      });

    if (folder.startsWith('plugin-'))
      it('is found as a plugin, also in this repository', async () => {
        const [file, name] = (json['lamina'] as { plugin: string }).plugin.split('#') as [string, string];
        const module = (await import(join(home, file))) as Record<string, () => { name: string }>;
        assert.equal(typeof module[name]!().name, 'string');
        assert.ok(json.name in (whole['devDependencies'] as object), 'package.json of the repository lacks it.');
      });

    it('has the license', () => assert.equal(textOf('packages', folder, 'LICENSE'), textOf('LICENSE')));

    it('has tests and is part of the build', () => {
      assert.ok(readdirSync(join(home, 'test'), { recursive: true }).some((name) => String(name).endsWith('.test.ts')));
      const { references } = JSON.parse(textOf('tsconfig.json')) as { references: { path: string }[] };
      const paths = references.map(({ path }) => path);
      assert.ok(
        paths.includes(`packages/${folder}`) && paths.includes(`packages/${folder}/test`),
        'tsconfig.json lacks a reference.',
      );
    });

    it('passes publint', async function () {
      this.timeout(60_000);
      const tarball = new Uint8Array(await readFile((await packedPackages()).get(json.name)!)).buffer;
      const { messages, pkg } = await publint({ pack: { tarball } });
      assert.deepEqual(
        messages.map((message) => formatMessage(message, pkg)),
        [],
      );
    });
  });
}

describe('the lock files', () => {
  it('name no registry, so that npm uses the configured one', () => {
    for (const path of ['package-lock.json', 'test/clients/package-lock.json'])
      assert.doesNotMatch(textOf(path), /"resolved": "http/);
  });
});

/** The npm packages that the sources of a package import, sorted. */
function librariesOf(folder: string): string[] {
  // Not those of a page, which are built into its files.
  const texts = sources.filter(({ path }) => path.startsWith(`packages/${folder}/src/`)).map(({ text }) => text);
  return librariesIn(texts.flatMap(importsOf));
}

/** The packages with the types of the untyped libraries that these declarations import, or those they import. */
function typePackagesOf(declarations: readonly string[]): string[] {
  const files = new Set(declarations);
  const imported: string[] = [];
  // A set also visits what is added meanwhile.
  for (const file of files) {
    const names = importsOf(readFileSync(file, 'utf8'));
    for (const name of names.filter((name) => name.startsWith('.')))
      files.add(join(dirname(file), name.replace(/\.js$/, '.d.ts')));
    imported.push(...names);
  }
  const typed = (name: string) => `node_modules/@types/${name.replace(/^@(.*)\//, '$1__')}`;
  return librariesIn(imported)
    .filter((name) => existsSync(join(root, typed(name))))
    .map((name) => typed(name).slice('node_modules/'.length));
}

function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
}

function librariesIn(imported: readonly string[]): string[] {
  const names = imported.map((name) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(name)![0]);
  // Core is a peer.
  return [...new Set(names)].filter((name) => !/^(\.|node:|@lamina\/core$)/.test(name)).sort();
}
