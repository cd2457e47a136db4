// No tracked file uses a name that was renamed; scripts/old-names.json lists them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './support/root.js';

interface OldNames {
  /** Names in code, matched as whole words with their case. */
  readonly identifiers: readonly string[];
  /** Names of files, without folders. */
  readonly files: readonly string[];
  /** Values on the wire, matched in quotes. */
  readonly values: readonly string[];
  readonly phrases: readonly string[];
}

const listPath = 'scripts/old-names.json';
const oldNames = JSON.parse(readFileSync(join(root, listPath), 'utf8')) as OldNames;
const textFile = /\.(ts|mjs|js|json|jsonc|md|html|sh|yaml)$/;
const exempt = /^(CHANGELOG\.md|(test\/clients\/)?package-lock\.json|scripts\/old-names\.json)$/;

const paths = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter((path) => textFile.test(path) && !exempt.test(path) && existsSync(join(root, path)));

function escaped(names: readonly string[]): string {
  return names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
}

it('old names are gone', () => {
  const { identifiers, files, values, phrases } = oldNames;
  const pattern = new RegExp(
    `\\b(${escaped(identifiers)})\\b|(['"\`])(${escaped(values)})\\2|${escaped(phrases)}`,
    'g',
  );
  const named = paths.filter((path) => files.includes(basename(path)));
  const mentioned = paths.flatMap((path) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .flatMap((line, index) => [...line.matchAll(pattern)].map(([name]) => `${path}:${index + 1}: ${name}`)),
  );
  const found = [...named, ...mentioned];
  assert.ok(found.length === 0, `Old names in:\n${found.join('\n')}`);
});
