// Mistakes people make in a manifest: each is reported with its position and a correction.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LaminaError } from '../../dist/contract/errors.js';
import type { LocatedProblem } from '../../dist/models/manifest/diagnostics.js';
import { EntryKeys } from '../../dist/models/manifest/entry-keys.js';
import { parseManifest } from '../../dist/models/manifest/parse.js';
import { pathProblems, unknownKeys } from '../../dist/models/manifest/rules.js';

/** The mistake, what it replaces, and the problem reported: line, column, words. */
type Mistake = readonly [what: string, from: string | RegExp, to: string, line: number, column: number, said: string];

const mistakes: readonly Mistake[] = [
  [
    'a tab for indentation',
    '    backend: llamacpp',
    '\tbackend: llamacpp',
    16,
    2,
    'indented with a tab, which YAML does not allow; use spaces',
  ],
  ['an unclosed quote', '"2.0GB"', '"2.0GB', 6, 17, 'a closing quote'],
  [
    'an unclosed bracket',
    '[conversational, fast]',
    '[conversational, fast',
    18,
    16,
    'this [ is not closed; write ] where it ends',
  ],
  ['a colon in plain text', '"3B instruct model for everyday chat"', 'note: small', 7, 18, 'put the text in quotes'],
  [
    'an entry indented by one space too many',
    '  mistral-7b-awq:\n',
    '   mistral-7b-awq:\n',
    27,
    4,
    'begin keys of the same level in the same column',
  ],
  [
    'a duplicate key',
    "    size: '800 MB'",
    "    size: '800 MB'\n    size: '900 MB'",
    18,
    5,
    '"size" is written twice; rename it or remove one of them (first in line 17)',
  ],
  [
    'a duplicate model',
    '  mistral-7b-awq:\n',
    '  yi-34b-awq:\n',
    27,
    3,
    'models.yi-34b-awq is written twice; rename it or remove one of them (first in line 21)',
  ],
  [
    'a number as a path',
    'path: mistral-7b-awq',
    'path: 7',
    28,
    5,
    'models.mistral-7b-awq.path must be text, not the number 7; write path: "7"',
  ],
  [
    'a use case that is not a list',
    '[conversational, fast]',
    'fast',
    18,
    5,
    'models.llama3.2-1b-q4_k_m.use_cases must be a list of names, not the text "fast"; write use_cases: [fast]',
  ],
  [
    'yes for true',
    '    notes: bought a card for this one',
    '    pinned: yes',
    30,
    5,
    'models.mistral-7b-awq.pinned must be true or false, not the text "yes"; write pinned: true',
  ],
  [
    'a time with a unit',
    '    notes: bought a card for this one',
    '    limits: { idle_timeout: 10m }',
    30,
    15,
    'models.mistral-7b-awq.limits.idle_timeout must be a number, not the text "10m"; write idle_timeout: 600',
  ],
  [
    'a negative time',
    '    notes: bought a card for this one',
    '    limits: { idle_timeout: -1 }',
    30,
    15,
    'models.mistral-7b-awq.limits.idle_timeout must be 0 or more, not -1',
  ],
  [
    'a path instead of an entry',
    /mistral-7b-awq:\n {4}path: mistral-7b-awq\n.*\n.*\n/,
    'mistral-7b-awq: mistral.gguf\n',
    27,
    3,
    'models.mistral-7b-awq must be a mapping (indented "key: value" lines beneath it), not the text "mistral.gguf"; write mistral-7b-awq: { path: "mistral.gguf" }',
  ],
  [
    'models as a list',
    /models:\n[^]*\n\ncategories/,
    'models:\n  - name: llama\n    path: a.gguf\n\ncategories',
    2,
    1,
    'models must be a mapping (indented "key: value" lines beneath it), not a list; write each name as a key of its own, "llama:", without a dash',
  ],
  [
    'an empty entry',
    /mistral-7b-awq:\n {4}path: mistral-7b-awq\n.*\n.*\n/,
    'mistral-7b-awq:\n',
    27,
    3,
    'models.mistral-7b-awq must be a mapping (indented "key: value" lines beneath it), not nothing',
  ],
  [
    'a key that is nothing',
    '    notes: bought a card for this one',
    '    options: { ~: 5 }',
    30,
    16,
    'this key is nothing; put it in quotes if it is a name: "~"',
  ],
  [
    'an entry without a name',
    '  mistral-7b-awq:\n    path',
    '  : {}\n  mistral-7b-awq:\n    path',
    27,
    3,
    'this key is nothing; write a name before the colon',
  ],
  [
    'a list with an empty item',
    '    notes: bought a card for this one',
    '    aliases:\n      - one\n      -',
    32,
    8,
    'must be text, not nothing',
  ],
  [
    'an alias that is the name of a model',
    '    notes: bought a card for this one',
    '    aliases: [mistral, yi-34b-awq]',
    30,
    24,
    'is "yi-34b-awq", already the name of a model; write another alias, or remove it here',
  ],
  [
    'an adapter of itself',
    '    notes: bought a card for this one',
    '    base: mistral-7b-awq',
    30,
    5,
    'models.mistral-7b-awq.base is the adapter itself; write the model whose process it shares',
  ],
  [
    'a version as a name',
    '  mistral-7b-awq:\n',
    '  3.10:\n',
    27,
    3,
    'the name 3.10 is read as the number 3.1; put it in quotes: "3.10"',
  ],
  [
    'an undefined anchor',
    '    notes: bought a card for this one',
    '    <<: *defaults',
    30,
    9,
    '"*defaults" refers to an anchor "&defaults" that is not written above',
  ],
  [
    'categories by model',
    '  balanced: [llama3.2-3b-q4_k_m]',
    '  balanced: { llama3.2-3b-q4_k_m: true }',
    34,
    3,
    'categories.balanced must be a list of names, not a mapping',
  ],
  [
    'a group that is a list',
    'defaults:  ',
    'groups:\n  big: [llama3.2-3b-q4_k_m, yi-34b-awq]\ndefaults:  ',
    45,
    3,
    'groups.big must be a mapping (indented "key: value" lines beneath it), not a list; write big: { models: [llama3.2-3b-q4_k_m, yi-34b-awq] }',
  ],
  [
    'a group without models',
    'defaults:  ',
    'groups:\n  big: { max_loaded: 1 }\ndefaults:  ',
    45,
    3,
    'groups.big has no "models"; write it',
  ],
  [
    'a default that is a list',
    '"llama3-8b-q4_k_m"',
    '["llama3-8b-q4_k_m"]',
    46,
    3,
    'defaults.analytical must be text, not a list; write analytical: llama3-8b-q4_k_m',
  ],
  [
    'a second document',
    'defaults:  ',
    '---\ndefaults:  ',
    44,
    1,
    'a second document begins here; a manifest is one document, remove the "---"',
  ],
];

const slips: readonly (readonly [what: string, from: string, to: string, said: string])[] = [
  ['a misspelt key', 'notes: bought', 'backnd: bought', 'did you mean "backend"?'],
  ['a misspelt section', 'backends:\n', 'backend:\n', 'did you mean "backends"?'],
  [
    'a misspelt limit',
    'notes: bought a card for this one',
    'limits: { idle_timout: 5 }',
    'did you mean "idle_timeout"?',
  ],
  [
    'a path outside the models directory',
    'path: mistral-7b-awq',
    'path: ../mistral-7b-awq',
    'models.mistral-7b-awq.path leaves the models directory; write a path below it, or an absolute one',
  ],
  [
    'the home directory of another user',
    'path: mistral-7b-awq',
    'path: ~other/mistral',
    'models.mistral-7b-awq.path begins with "~" and a name; write ~/ for the own home directory, or the absolute path',
  ],
  [
    'a URL as a path',
    'path: mistral-7b-awq',
    'path: https://example.org/mistral.gguf',
    'models.mistral-7b-awq.path is an address, not a file; write path: with where the file shall be, and the address under download:',
  ],
];

describe('a mistake in the manifest', () => {
  let fixture: string;
  before(async () => (fixture = await readFile(join(import.meta.dirname, '../../test/models/models.yaml'), 'utf8')));

  for (const [what, from, to, line, column, expected] of mistakes) {
    it(`such as ${what} is reported with its position and a correction`, () => {
      const text = fixture.replace(from, to);
      assert.notEqual(text, fixture);
      const problems = problemsOf(text);
      const [problem] = problems;
      assert.ok(problem, 'the text to replace was not found');
      assert.deepEqual([problem.file, problem.line, problem.column], ['models.yaml', line, column], problem.message);
      assert.ok(problem.message.includes(expected), problem.message);
      assert.equal(problems.length, 1, problems.map(({ message }) => message).join('\n'));
    });
  }

  for (const [what, from, to, expected] of slips) {
    it(`such as ${what} is only a warning, with its position and a correction`, () => {
      const { manifest, locate } = parseManifest(fixture.replace(from, to), 'models.yaml');
      const warnings = locate([...pathProblems(manifest.models), ...unknownKeys(manifest, new EntryKeys())]);
      assert.ok(
        warnings.some(({ message, line, column }) => message.includes(expected) && line! > 0 && column! > 0),
        JSON.stringify(warnings),
      );
    });
  }
});

function problemsOf(text: string): readonly LocatedProblem[] {
  try {
    parseManifest(text, 'models.yaml');
  } catch (error) {
    assert.ok(LaminaError.is(error, 'CONFIG_INVALID'), String(error));
    return error.details['problems'] as readonly LocatedProblem[];
  }
  return [];
}
