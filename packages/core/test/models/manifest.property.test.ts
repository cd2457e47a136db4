// Manifests in every style people use: both YAML readers agree, and an edit changes only the edited bytes.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml';
import { parse } from 'yaml';
import { LaminaError } from '../../dist/contract/errors.js';
import type { ModelEntry } from '../../dist/contract/manifest.js';
import { editText } from '../../dist/models/manifest/edit.js';
import type { LocatedProblem } from '../../dist/models/manifest/diagnostics.js';
import { parseManifest } from '../../dist/models/manifest/parse.js';
import { cases } from './cases.js';
import { manifestText } from './manifest-text.js';

const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  path: fc.constantFrom('new.gguf', 'new dir/ü.gguf'),
  backend: fc.constantFrom('mlc', 'my backend'),
  description: fc.string(),
  size: fc.oneof(fc.nat(), fc.constant('3 GB')),
  use_cases: fc.array(fc.string(), { maxLength: 3 }),
  options: fc.dictionary(
    fc.constantFrom('threads', 'ctx', 'new', 'a b'),
    fc.oneof(fc.nat(), fc.string(), fc.boolean()),
    { maxKeys: 3 },
  ),
  pinned: fc.boolean(),
  note: fc.oneof(fc.string(), fc.array(fc.nat(), { maxLength: 2 })),
  comment_only: fc.string(),
};
const edit = fc.constantFrom(...Object.keys(values)).chain((key) =>
  fc.record({
    key: fc.constant(key),
    value: values[key]!,
    entry: fc.nat(),
    what: fc.constantFrom('set', 'set', 'drop', 'remove', 'create'),
  }),
);

describe('any manifest', function () {
  this.timeout(0);

  it('is read the same in one piece and in chunks', () => {
    fc.assert(
      fc.property(manifestText, ({ text }) => {
        const { manifest } = parseManifest(text, 'm');
        assert.deepEqual(plain(manifest.models), plain((parse(text, { merge: true }) as { models: unknown }).models));
      }),
      { numRuns: cases(100) },
    );
  });

  it('has values that both YAML libraries read alike, where both can', () => {
    const scalar = fc.stringMatching(/^[-+.0-9a-zA-Z:#'"{}[\],&*!|>%@`~ \\_=<?]{0,12}$/);
    fc.assert(
      fc.property(scalar, (source) => {
        const text = `a:\n  key: ${source}\n`;
        const [fast, slow] = [
          attempt(() => load(text, { schema: CORE_SCHEMA.withTags(mergeTag), maxAliases: 0 })),
          attempt(() => parse(text, { merge: true, logLevel: 'silent' })),
        ];
        if (fast.ok && slow.ok) assert.deepEqual(plain(fast.value), plain(slow.value), text);
      }),
      { numRuns: cases(1000) },
    );
  });

  it('is read, or every problem has a message and a line, when it is damaged', () => {
    const damage = fc.record({
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      length: fc.nat({ max: 12 }),
      put: fc.oneof(
        fc.constantFrom(
          '',
          '\t',
          '"',
          "'",
          '[',
          '{',
          ': ',
          '- ',
          '\n',
          '  ',
          '#',
          '&a ',
          '*a',
          '<<: *a',
          '|',
          '---\n',
          '? ',
          '!!map ',
          '\u0000',
          '\ud800',
        ),
        fc.string({ maxLength: 5 }),
      ),
    });
    fc.assert(
      fc.property(manifestText, fc.array(damage, { minLength: 1, maxLength: 4 }), ({ text }, damages) => {
        const damaged = damages.reduce(
          (now, { at, length, put }) => now.slice(0, at * now.length) + put + now.slice(at * now.length + length),
          text,
        );
        const lines = damaged.split('\n').length;
        const outcome = attempt(() => parseManifest(damaged, 'm'));
        if (outcome.ok) return;
        const { error } = outcome;
        assert.ok(LaminaError.is(error, 'CONFIG_INVALID'), String((error as Error).stack));
        for (const { message, line } of error.details['problems'] as readonly LocatedProblem[]) {
          assert.ok(message.length > 10 && !/undefined|\[object/.test(message), message);
          assert.ok(line !== undefined && line >= 1 && line <= lines + 1, `${message} in line ${line} of ${lines}`);
        }
      }),
      { numRuns: cases(300) },
    );
  });

  it('keeps every byte that is not edited', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(manifestText, edit, ({ text, entries }, { key, value, entry: index, what }) => {
        const reading = parseManifest(text, 'm');
        const target = entries[index % entries.length]!;
        const before = reading.manifest.models[target.name]!;
        const pair = target.pairs.find((one) => one.key === key);
        const after: Record<string, unknown> = { ...before };
        if (what === 'drop') delete after[key];
        else after[key] = value;
        const name = what === 'create' ? 'brand new: one' : target.name;
        const entry = what === 'remove' ? undefined : (after as ModelEntry);
        const edited = editText(text, reading.manifest, { name, entry });
        assert.notEqual(edited, undefined, 'it cannot be edited');
        const now = parseManifest(edited!, 'm').manifest;
        assert.deepEqual(
          plain(now),
          plain({ ...reading.manifest, models: withEntry(reading.manifest.models, name, entry) }),
        );
        if (what === 'remove') assert.equal(edited, without(text, target.lines));
        else if (what === 'drop' && pair !== undefined) assert.equal(edited, without(text, pair.lines));
        else if (what === 'set' && pair !== undefined) {
          assert.equal(edited!.slice(0, pair.value[0]), text.slice(0, pair.value[0]));
          // A key added to a mapping goes after the comment on its last line.
          const end = key === 'options' ? pair.lines[1] : pair.value[1];
          assert.ok(edited!.endsWith(text.slice(end)), `${JSON.stringify(edited)} does not have the end of the text`);
          const stay =
            key !== 'options' || Object.keys(before.options ?? {}).every((one) => Object.hasOwn(value as object, one));
          if (stay) assert.ok(edited!.includes(text.slice(pair.value[1], end).trim()), 'a comment is missing');
        } else
          assert.ok(isInsertion(text, edited!), `${JSON.stringify(edited)} is not the text with something inserted`);
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }),
      { numRuns: cases(200) },
    );
    assert.equal(seen.size, 4);
  });
});

function without(text: string, [from, to]: readonly [number, number]): string {
  return text.slice(0, from) + text.slice(to);
}

function isInsertion(text: string, edited: string): boolean {
  let same = 0;
  while (same < text.length && text[same] === edited[same]) same += 1;
  return edited.endsWith(text.slice(same)) && edited.length >= text.length;
}

function withEntry(models: Readonly<Record<string, ModelEntry>>, name: string, entry: ModelEntry | undefined): object {
  const rest = Object.entries(models).filter(([other]) => other !== name);
  return Object.fromEntries(entry === undefined ? rest : [...rest, [name, entry]]);
}

/**
 * Data independent of key order and prototypes. An empty key, which no manifest has, is "" to one reader,
 * "null" to the other.
 */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return new Map(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key === '' ? 'null' : key, plain(part)]),
  );
}

function attempt(run: () => unknown): { ok: true; value: unknown } | { ok: false; error: unknown } {
  try {
    return { ok: true, value: run() };
  } catch (error) {
    return { ok: false, error };
  }
}
