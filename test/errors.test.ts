// The table of errors, the code and the documents agree.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorTable } from '@lamina/core';
import { reserved } from './support/reserved.js';
import { root } from './support/root.js';
import { sources } from './support/sources.js';

const codes = Object.keys(errorTable);
const elsewhere = sources.filter(({ path }) => path !== 'packages/core/src/contract/error-table.ts');
const isUsed = (code: string) => elsewhere.some(({ text }) => text.includes(`'${code}'`));

describe('error codes', () => {
  it('are each used somewhere, or reserved for what comes', () => {
    assert.deepEqual(
      codes.filter((code) => !isUsed(code)),
      Object.keys(reserved.errors),
    );
  });

  it('have rows with a sentence for people and one for the documents', () => {
    for (const [code, { status, message, when }] of Object.entries(errorTable)) {
      assert.ok(Number.isInteger(status) && status >= 400 && status < 600, code);
      assert.match(message, /^(\{message\}|(Plugin )?[A-Z{].*(\.|\}))$/, code);
      assert.match(when, /^[A-Z`].*\.$/, code);
    }
  });

  it('are on the page of errors, each with its status', () => {
    const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` +\| (\d+) +\|/gm)].map(([, code, status]) => [code, Number(status)]);
    assert.deepEqual(
      rows,
      Object.entries(errorTable).map(([code, { status }]) => [code, status]),
    );
  });

  it('are what docstrings say is thrown', () => {
    const thrown = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/@throws LaminaError(.*)/g)].flatMap(([, said]) =>
        [...said!.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => `${path}: ${code}`),
      ),
    );
    assert.ok(thrown.length > 10);
    assert.deepEqual(
      thrown.filter((line) => !codes.includes(line.split(': ')[1]!)),
      [],
    );
  });
});
