// The table of errors agrees with the code and the documentation.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorTable } from '@lamina/core';
import { reserved } from './support/reserved.js';
import { root } from './support/root.js';
import { sources } from './support/sources.js';

const codes = Object.keys(errorTable);
const otherSources = sources.filter(({ path }) => path !== 'packages/core/src/contract/error-table.ts');
const isUsed = (code: string) => otherSources.some(({ text }) => text.includes(`'${code}'`));

describe('error codes', () => {
  it('are all used or reserved', () => {
    assert.deepEqual(
      codes.filter((code) => !isUsed(code)),
      Object.keys(reserved.errors),
    );
  });

  it('have a message and a description for the documentation', () => {
    for (const [code, { status, message, when }] of Object.entries(errorTable)) {
      assert.ok(Number.isInteger(status) && status >= 400 && status < 600, code);
      assert.match(message, /^(\{message\}|(Plugin )?[A-Z{].*(\.|\}))$/, code);
      assert.match(when, /^[A-Z`].*\.$/, code);
    }
  });

  it('are all in docs/errors.md with their status', () => {
    const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` +\| (\d+) +\|/gm)].map(([, code, status]) => [code, Number(status)]);
    assert.deepEqual(
      rows,
      Object.entries(errorTable).map(([code, { status }]) => [code, status]),
    );
  });

  it('in docstrings exist', () => {
    const thrown = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/@throws LaminaError(.*)/g)].flatMap(([, rest]) =>
        [...rest!.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => `${path}: ${code}`),
      ),
    );
    assert.ok(thrown.length > 10);
    assert.deepEqual(
      thrown.filter((line) => !codes.includes(line.split(': ')[1]!)),
      [],
    );
  });
});
