// A text that was edited is cut where a text is cut that nobody saw before, however it was edited.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { take } from '../../dist/kernel/steps.js';
import { sameAtBeginning, sameAtEnd } from '../../dist/models/manifest/same-text.js';
import { Piece, splitManifest, type SplitText } from '../../dist/models/manifest/split.js';
import { Slices } from '../../dist/models/slices.js';
import { cases } from './cases.js';
import { manifestText } from './manifest-text.js';

const lines = [
  'models:',
  'models: # all',
  '"models":',
  'model',
  'defaults:',
  'defaults: { chat: x }',
  '  a:',
  '  b: { path: x }',
  '    path: y',
  '   c:',
  ' d:',
  'e',
  '- f',
  '  - g',
  '---',
  '# h',
  '  # i',
  '',
  '}',
  '  }',
  '\t',
  '? j',
  '...',
];
const text = fc.oneof(
  fc.array(fc.constantFrom(...lines), { maxLength: 12 }).map((all) => all.join('\n')),
  fc
    .array(fc.constantFrom('models:', '  a:', '  b:', '    path: x', 'defaults:', '# c'), { maxLength: 12 })
    .map((all) => all.map((line) => `${line}\n`).join('')),
  manifestText.map((written) => written.text),
);
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(fc.constant(0), fc.nat({ max: 30 })),
  put: fc.oneof(
    fc.constantFrom('', '\n', ' ', ':', 's', '#', '}'),
    fc.array(fc.constantFrom(...lines), { maxLength: 3 }).map((all) => all.map((line) => `${line}\n`).join('')),
  ),
});

describe('the text of a manifest, split anew after an edit', function () {
  this.timeout(0);

  it('has the pieces of a text nobody saw before, and those that stay say the same', async () => {
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(text, fc.array(edit, { minLength: 1, maxLength: 4 }), async (first, edits) => {
        let before = await split(first);
        for (const { at, length, put } of edits) {
          const place = Math.floor(at * before.text.length);
          const now = before.text.slice(0, place) + put + before.text.slice(place + length);
          const anew = await take(splitManifest(now, { text: '', pieces: [] }, new Slices()));
          const again = await take(splitManifest(now, before, new Slices()));
          assert.deepEqual(again?.pieces, anew?.pieces, JSON.stringify({ before: before.text, now }));
          if (again !== undefined) {
            assert.deepEqual(again.pieces.slice(0, again.head).map(said), before.pieces.slice(0, again.head).map(said));
            assert.deepEqual(
              again.pieces.slice(again.pieces.length - again.tail).map(said),
              before.pieces.slice(before.pieces.length - again.tail).map(said),
            );
            assert.ok(again.head + again.tail <= Math.min(before.pieces.length, again.pieces.length));
            kept += again.head + again.tail;
          }
          before = again ?? whole(now);
        }
      }),
      { numRuns: cases(1000) },
    );
    assert.ok(kept > 100, 'nothing is ever kept');
  });

  it('is compared by stretches as it would be by characters', () => {
    const long = fc
      .tuple(fc.constantFrom('a', 'ab', 'ü\n'), fc.integer({ min: 0, max: 9000 }))
      .map(([word, length]) => word.repeat(length).slice(0, length));
    fc.assert(
      fc.property(
        long,
        fc.nat({ max: 9000 }),
        fc.nat({ max: 9000 }),
        fc.constantFrom('', 'b', 'ab', '\n'),
        (a, at, length, put) => {
          const b = a.slice(0, at) + put + a.slice(at + length);
          const beginning = sameAtBeginning(a, b);
          const end = sameAtEnd(a, b, beginning);
          const most = Math.min(a.length, b.length);
          assert.equal(
            beginning,
            countWhile(most, (index) => a[index] === b[index]),
          );
          assert.equal(
            end,
            countWhile(most - beginning, (index) => a.at(-1 - index) === b.at(-1 - index)),
          );
        },
      ),
      { numRuns: cases(300) },
    );
  });
});

async function split(text: string): Promise<SplitText> {
  return (await take(splitManifest(text, { text: '', pieces: [] }, new Slices()))) ?? whole(text);
}

function whole(text: string): SplitText {
  return { text, pieces: [new Piece(text, 'whole', 0, text.length, 1)] };
}

function said({ kind, text }: Piece): object {
  return { kind, text };
}

function countWhile(most: number, holds: (index: number) => boolean): number {
  let count = 0;
  while (count < most && holds(count)) count += 1;
  return count;
}
