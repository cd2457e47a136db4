// The quick reader of usual YAML: whatever it reads means the same to a library, and what it cannot be sure of it
// leaves alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { CORE_SCHEMA, load } from 'js-yaml';
import { parse } from 'yaml';
import { take } from '../../dist/kernel/steps.js';
import { splitManifest } from '../../dist/models/manifest/split.js';
import { Slices } from '../../dist/models/slices.js';
import { readUsual } from '../../dist/models/manifest/usual.js';
import { cases } from './cases.js';
import { manifestText } from './manifest-text.js';

const token = fc.constantFrom(
  'a',
  'key',
  'llama3.2:1b',
  'org/model',
  'null',
  'True',
  'yes',
  '7b',
  '7',
  '1.5',
  '1.10',
  '0x1f',
  '0o17',
  '1e3',
  '.5',
  '-3',
  '12:30',
  '2024-01-02',
  '1_000',
  '_',
  '~',
  '"q: #"',
  '"a\\n"',
  "'it'",
  "'it''s'",
  '',
  '# no',
  'ü',
  '→',
  '\u2028',
  '\ufeff',
  '\u{1f600}',
  '__proto__',
  '<<',
  '&x',
  '*x',
  '!t',
  '|',
  '>',
  '%',
  '@',
  '`',
  '?',
  '-',
  '--',
  ',',
  '[',
  ']',
  '{',
  '}',
  '[]',
  '{}',
  '[a, 7, "b"]',
  '{ k: v, l: [1] }',
  '{k:v}',
  'http://x/y',
  'a#b',
  'a b',
  '2.0 GB',
  'a, b',
);
const gap = fc.constantFrom(' ', ' ', '  ', '', ': ', ':', ', ', ' # ', '\t');
const value = fc
  .array(fc.tuple(token, gap), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.map(([word, after], index) => word + (index === parts.length - 1 ? '' : after)).join(''));
const line = fc.record({
  indent: fc.constantFrom(0, 0, 0, 2, 2, 4, 1),
  lead: fc.constantFrom('key', 'key', 'item', 'bare', 'blank', 'comment'),
  key: token,
  colon: fc.constantFrom(': ', ': ', ':', ':  ', ' : '),
  value,
  end: fc.constantFrom('', '', ' ', ' # why', '#x', '\r'),
});
const lines = fc.array(line, { minLength: 1, maxLength: 6 });
const yaml = fc
  .tuple(fc.constantFrom('', 'top:\n ', 'top:\n ', 'top: # why\n   '), lines)
  .map(([top, all]) => top + all.map(written).join(`\n${/ *$/.exec(top)![0]}`));

describe('the quick reader of usual YAML', function () {
  this.timeout(0);

  it('reads the lines that people write as the libraries do', () => {
    let read = 0;
    fc.assert(
      fc.property(yaml, (text) => {
        read += agrees(text) ? 1 : 0;
      }),
      { numRuns: cases(5000) },
    );
    assert.ok(read > 20, `only ${read} of the texts were read`);
  });

  it('reads manifests, and pieces of them that are damaged, as the libraries do', async () => {
    const damage = fc.record({
      at: fc.nat({ max: 200 }),
      length: fc.nat({ max: 4 }),
      put: fc.oneof(token, gap, fc.string({ maxLength: 3 })),
    });
    let read = 0;
    await fc.assert(
      fc.asyncProperty(manifestText, fc.option(damage, { nil: undefined }), async ({ text }, harm) => {
        for (const piece of (await split(text))?.pieces ?? []) {
          const at = harm === undefined ? 0 : harm.at % piece.text.length;
          read += agrees(
            harm === undefined ? piece.text : piece.text.slice(0, at) + harm.put + piece.text.slice(at + harm.length),
          )
            ? 1
            : 0;
        }
      }),
      { numRuns: cases(500) },
    );
    assert.ok(read > 20, `only ${read} of the pieces were read`);
  });

  it('reads every entry of a manifest as people have it', async () => {
    const { pieces } = (await split(readFileSync(new URL('../../test/models/models.yaml', import.meta.url), 'utf8')))!;
    const left = pieces.filter(({ text }) => !agrees(text)).map(({ text }) => text.trim().split('\n')[0]);
    assert.deepEqual(left, ['yi-34b-awq:'], 'only the one with a text over several lines is left to a library');
  });
});

async function split(text: string) {
  return take(splitManifest(text, { text: '', pieces: [] }, new Slices()));
}

/** True when it was read; it means the same to both libraries then. */
function agrees(text: string): boolean {
  const pair = readUsual(text);
  if (pair === undefined) return false;
  const usual = Object.fromEntries([pair]);
  const shown = JSON.stringify(text);
  assert.deepEqual(usual, load(text, { schema: CORE_SCHEMA }), shown);
  assert.deepEqual(usual, parse(text, { merge: true }), shown);
  return true;
}

function written({
  indent,
  lead,
  key,
  colon,
  value: words,
  end,
}: {
  indent: number;
  lead: string;
  key: string;
  colon: string;
  value: string;
  end: string;
}): string {
  const blanks = ' '.repeat(indent);
  if (lead === 'blank') return blanks;
  if (lead === 'comment') return `${blanks}# ${words}`;
  if (lead === 'item') return `${blanks}- ${words}${end}`;
  return lead === 'bare' ? `${blanks}${key}:${end}` : `${blanks}${key}${colon}${words}${end}`;
}
