// The documentation is correct: generated parts are up to date; links, commands and files exist; programs compile.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { createTestLamina } from '@lamina/testing';
import { laminaRouter } from '@lamina/server-koa';
import { compilerErrors } from './support/compiler.js';
import { root } from './support/root.js';

const folders = ['.', 'docs', 'docs/guide', ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)];
const documents = folders.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);
const repository = /^https:\/\/github\.com\/lamina-ai\/lamina\/(?:blob|tree)\/main\//;
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');
const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };

const prefixOf = (path: string) => `${path.replaceAll('/', '-')}-`;
/** The programs of all documents that are not quoted from a file, by file name. Fragments without imports are left out. */
const programs = new Map(
  documents.flatMap((path) =>
    [...textOf(path).matchAll(/(?<!-->\n?)\n```ts\n([^]*?)```\n/g)]
      .map(([, program], index): [string, string] => [`${prefixOf(path)}${index}.ts`, program!])
      .filter(([, program]) => program.includes('import ')),
  ),
);
/** Of all programs, which are compiled together, because most of the time goes into reading the libraries. */
let errors: ReturnType<typeof compilerErrors> | undefined;

it('generated pages, tables and quoted files are up to date', function () {
  this.timeout(60_000);
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/docs.mjs'), '--check'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

it('the README of the server lists the routes it has', async () => {
  const lamina = await createTestLamina();
  const { stack } = laminaRouter(lamina);
  await lamina.close();
  const named = stack.filter(({ path, methods }) => typeof path === 'string' && methods.length > 0);
  const routes = named.map(
    ({ path, methods }) => `${methods.find((method) => method !== 'HEAD')} ${String(path).replace('*', ':')}`,
  );
  const listed = [...textOf('packages/server-koa/README.md').matchAll(/^\| `([A-Z]+ \/\S*)` +\|/gm)].map(
    ([, route]) => route,
  );
  // Inference routes without /v1 are described in one sentence.
  const isAlias = (route: string) => routes.includes(route.replace('POST /', 'POST /v1/')) && route.startsWith('POST');
  // `GET /v1/:route` stands for the other methods of that path too.
  const isOtherMethod = (route: string) => route.endsWith(' /v1/:route') && !route.startsWith('GET');
  assert.deepEqual(listed.sort(), routes.filter((route) => !isAlias(route) && !isOtherMethod(route)).sort());
});

for (const path of documents) {
  describe(path, () => {
    const text = textOf(path);

    it('has no broken links', () => {
      const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
      const inRepository = targets.filter((target) => repository.test(target) || !/^[a-z]+:/.test(target));
      assert.deepEqual(
        inRepository.filter((target) => !targetExists(path, target)),
        [],
      );
    });

    it('mentions npm scripts and files that exist', () => {
      const mentioned = [...text.matchAll(/npm (?:run ([\w:-]+)|(test))/g)].map(([, run, test]) => run ?? test!);
      assert.deepEqual(
        mentioned.filter((name) => !(name in scripts)),
        [],
      );
      const files = [
        ...text.matchAll(/(?<![\w./-])(?:packages|scripts|examples|docs|test|bench|\.ci)\/[\w./-]*\w/g),
      ].map(([file]) => file);
      assert.deepEqual(
        files.filter((file) => !file.includes('/dist/') && !existsSync(join(root, file))),
        [],
      );
    });

    it('shows programs that compile', function () {
      this.timeout(60_000);
      errors ??= compilerErrors(programs);
      const wrong = [...errors].filter(([name]) => !programs.has(name) || name.startsWith(prefixOf(path)));
      assert.deepEqual(
        wrong.map(([name, messages]) => `${messages.join(' ')} In: ${programs.get(name) ?? name}`),
        [],
      );
    });
  });
}

/** Whether the file of a link exists, which is relative or to the repository, and its heading if it names one. */
function targetExists(from: string, target: string): boolean {
  const [file, anchor] = target.replace(repository, `${relative(dirname(from), '.') || '.'}/`).split('#') as [
    string,
    string?,
  ];
  const path = file === '' ? join(root, from) : join(root, dirname(from), file);
  if (!existsSync(path) || relative(root, path).startsWith('..')) return false;
  if (anchor === undefined) return true;
  const headings = [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  return headings.includes(anchor);
}
