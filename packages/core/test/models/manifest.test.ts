// The manifest: existing files load unchanged, and every mistake is reported with its position and a
// correction.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaminaError } from '../../dist/contract/errors.js';
import { EntryKeys } from '../../dist/models/manifest/entry-keys.js';
import { checkManifest, readManifestText, type ManifestReading } from '../../dist/models/manifest/manifest.js';
import type { LocatedProblem } from '../../dist/models/manifest/diagnostics.js';
import { parseManifest } from '../../dist/models/manifest/parse.js';
import { unknownKeys } from '../../dist/models/manifest/rules.js';

const fixture = join(import.meta.dirname, '../../test/models/models.yaml');

describe('the manifest', () => {
  it('loads an existing file, and warns about an unknown key', async () => {
    const { manifest, locate } = await readManifest(fixture);
    assert.deepEqual(Object.keys(manifest.models), [
      'llama3.2-3b-q4_k_m',
      'llama3.2-1b-q4_k_m',
      'yi-34b-awq',
      'mistral-7b-awq',
    ]);
    assert.equal(manifest.models['mistral-7b-awq']!['notes'], 'bought a card for this one');
    assert.deepEqual(manifest.models['llama3.2-3b-q4_k_m']!.download, {
      huggingface: { repo_id: 'bartowski/Llama-3.2-3B-Instruct-GGUF', filename: 'Llama-3.2-3B-Instruct-Q4_K_M.gguf' },
      ollama: { model: 'llama3.2:3b' },
    });
    assert.deepEqual(manifest.categories['heavy'], ['yi-34b-awq', 'mistral-7b-awq']);
    assert.equal(manifest.defaults['analytical'], 'llama3-8b-q4_k_m');
    assert.deepEqual(
      locate(unknownKeys(manifest, new EntryKeys())).map(({ line, message }) => [line, message.slice(0, 40)]),
      [[30, 'models.mistral-7b-awq.notes is not a key']],
    );
  });

  it('names the nearest known key for an unknown one', () => {
    const { manifest } = parseManifest('models:\n  a:\n    path: a.gguf\n    quantisation: Q4\n', 'models.yaml');
    assert.match(unknownKeys(manifest, new EntryKeys())[0]!.message, /did you mean "quantization"\?/);
  });

  it('accepts an empty file, empty sections and a byte order mark', () => {
    assert.deepEqual(parseManifest('', 'm').manifest.models, {});
    assert.deepEqual(parseManifest('# nothing yet\nmodels:\ncategories:\n', 'm').manifest.categories, {});
    assert.deepEqual(Object.keys(parseManifest('\uFEFFmodels:\r\n  a:\r\n    path: a.gguf\r\n', 'm').manifest.models), [
      'a',
    ]);
  });

  it('follows anchors and merge keys', () => {
    const text = 'models:\n  a: &a\n    path: a.gguf\n    backend: llama.cpp\n  b:\n    <<: *a\n    path: b.gguf\n';
    const { manifest } = parseManifest(text, 'm');
    assert.deepEqual(manifest.models['b'], { path: 'b.gguf', backend: 'llama.cpp' });
  });

  it('reports all problems at once, each with its position', async () => {
    const text = 'models:\n  a:\n    path: 5\n    use_cases: fast\n  b:\n    pinned: "yes"\n';
    const problems = await problemsOf(() => parseManifest(text, 'models.yaml'));
    assert.deepEqual(problems, [
      {
        file: 'models.yaml',
        line: 3,
        column: 5,
        message: 'models.a.path must be text, not the number 5; write path: "5"',
      },
      {
        file: 'models.yaml',
        line: 4,
        column: 5,
        message: 'models.a.use_cases must be a list of names, not the text "fast"; write use_cases: [fast]',
      },
      {
        file: 'models.yaml',
        line: 6,
        column: 5,
        message: 'models.b.pinned must be true or false, not the text "yes"; write pinned: true',
      },
    ]);
  });

  it('lists the problems in its message, one per line', () => {
    assert.throws(
      () => parseManifest('models:\n  a:\n    path: 5\n    pinned: 7\n', 'm.yaml'),
      /^LaminaError: m\.yaml:3:5: models\.a\.path .*\nm\.yaml:4:5: models\.a\.pinned /,
    );
  });

  it('validates plain data the same way, without positions', async () => {
    assert.deepEqual(await problemsOf(() => checkManifest({ models: { a: { path: 5 } } }, new EntryKeys())), [
      { message: 'models.a.path must be text, not the number 5; write path: "5"' },
    ]);
  });

  describe('an invalid manifest', () => {
    let directory: string;
    before(async () => (directory = await mkdtemp(join(tmpdir(), 'lamina-manifest-'))));
    after(() => rm(directory, { recursive: true }));

    it('is reported when it is missing, a directory, or not text', async () => {
      assert.match(await reasonFor(join(directory, 'absent.yaml')), /does not exist/);
      assert.match(await reasonFor(directory), /is a directory/);
      await writeFile(join(directory, 'model.yaml'), Buffer.from([0xff, 0xfe, 0x41, 0x00, 0xc3, 0x28]));
      assert.match(await reasonFor(join(directory, 'model.yaml')), /not UTF-8/);
    });

    it('is reported when it is far too large', async () => {
      const giant = join(directory, 'giant.yaml');
      await writeFile(giant, '');
      await truncate(giant, 5_000_000_000);
      assert.match(
        await reasonFor(giant),
        /giant\.yaml: has 5000000000 bytes; a manifest has at most 33554432\. Is it a model\?/,
      );
    });

    it('is reported when it is an alias bomb', async () => {
      let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
      for (let level = 1; level < 12; level++)
        text += `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(', ')}]\n`;
      assert.match((await problemsOf(() => parseManifest(text, 'm')))[0]!.message, /alias/i);
    });

    it('is reported when it is nested too deeply', async () => {
      assert.match((await problemsOf(() => parseManifest('['.repeat(200_000), 'm')))[0]!.message, /nested more deeply/);
    });

    async function reasonFor(file: string): Promise<string> {
      return readManifest(file).then(
        () => 'no problem',
        (error: unknown) => (error as Error).message,
      );
    }
  });

  it('keeps the comments of the fixture', async () => {
    assert.match(await readFile(fixture, 'utf8'), /# the big one, on the second disk/);
  });
});

async function readManifest(file: string): Promise<ManifestReading> {
  return parseManifest(await readManifestText(file), file);
}

async function problemsOf(parse: () => unknown): Promise<readonly LocatedProblem[]> {
  try {
    await parse();
  } catch (error) {
    if (LaminaError.is(error, 'CONFIG_INVALID')) return error.details['problems'] as readonly LocatedProblem[];
    throw error;
  }
  return [];
}
