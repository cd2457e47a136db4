// Lamina's own edits of models.yaml: atomic, merged with concurrent edits by people, and never damaging the
// file.
import assert from 'node:assert/strict';
import { chmod, lstat, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManifestFile } from '../../dist/models/manifest/file.js';

const fixture = join(import.meta.dirname, '../../test/models/models.yaml');

describe('an edit of the manifest', () => {
  let directory: string;
  let path: string;
  let file: ManifestFile;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-edit-'));
    path = join(directory, 'models.yaml');
    await writeFile(path, await readFile(fixture));
    file = new ManifestFile(path, false);
  });
  afterEach(() => rm(directory, { recursive: true }));

  const text = () => readFile(path, 'utf8');
  const fixtureText = () => readFile(fixture, 'utf8');

  it('adds an entry after the last one, formatted as people write it', async () => {
    await file.edit({
      name: 'new',
      entry: {
        path: 'new/x.gguf',
        download: { huggingface: { repo_id: 'a/b', filename: 'x.gguf' } },
        use_cases: ['chat'],
      },
    });
    const added = `  new:\n    path: new/x.gguf\n    download:\n      huggingface: { repo_id: a/b, filename: x.gguf }\n    use_cases: [chat]\n`;
    assert.equal(await text(), (await fixtureText()).replace('card for this one\n', `card for this one\n${added}`));
  });

  it('changes one value and keeps the comment behind it', async () => {
    const { manifest } = await file.read();
    await file.edit({
      name: 'llama3.2-3b-q4_k_m',
      entry: { ...manifest.models['llama3.2-3b-q4_k_m']!, path: 'elsewhere.gguf' },
    });
    assert.equal(
      await text(),
      (await fixtureText()).replace('llama3.2-3b-q4_k_m/Llama-3.2-3B-Instruct-Q4_K_M.gguf ', 'elsewhere.gguf '),
    );
  });

  it('removes an entry and keeps all comments', async () => {
    await file.edit({ name: 'yi-34b-awq', entry: undefined });
    const entry = / {2}yi-34b-awq:\n(?: {4}.*\n)+/;
    assert.equal(await text(), (await fixtureText()).replace(entry, ''));
  });

  it('removes the last entry, and adds the first one again', async () => {
    await writeFile(path, 'models: # mine\n  a:\n    path: a.gguf\n');
    await file.edit({ name: 'a', entry: undefined });
    assert.equal(await text(), 'models: # mine\n');
    await file.edit({ name: 'b', entry: { path: 'b.gguf' } });
    assert.deepEqual((await file.read()).manifest.models, { b: { path: 'b.gguf' } });
    assert.match(await text(), /^models:.*# mine\n/);
  });

  it('edits flow mappings, and a manifest that is JSON', async () => {
    await writeFile(path, '{ "models": { "a": { "path": "a.gguf" } }, "defaults": {} }\n');
    await file.edit({ name: 'b', entry: { path: 'b c.gguf' } });
    assert.equal(
      await text(),
      '{ "models": { "a": { "path": "a.gguf" }, b: { path: "b c.gguf" } }, "defaults": {} }\n',
    );
    await writeFile(path, 'models: {}\n');
    await file.edit({ name: 'b', entry: { path: 'b.gguf' } });
    assert.equal(await text(), 'models: \n  b:\n    path: b.gguf\n');
  });

  it('keeps edits made by hand since the file was last read', async () => {
    await file.read();
    await writeFile(path, (await text()).replace('size: "2.0GB"', 'size: "2.1GB"   # measured'));
    const { manifest } = await file.edit({ name: 'llama3.2-1b-q4_k_m', entry: undefined });
    assert.equal(manifest.models['llama3.2-3b-q4_k_m']!.size, '2.1GB');
    assert.match(await text(), /size: "2.1GB" {3}# measured/);
  });

  it('keeps both changes when a person and Lamina write at the same time', async () => {
    await writeFile(path, 'models:\n  base:\n    path: b.gguf\n');
    const hand = async () => {
      for (let count = 0; count < 20; count++) {
        const now = await text();
        await writeFile(join(directory, 'editor'), now.replace(/# hand \d+\n|$/, `# hand ${count}\n`));
        const { rename } = await import('node:fs/promises');
        if ((await text()) === now) await rename(join(directory, 'editor'), path);
      }
    };
    const lamina = async () => {
      for (let count = 0; count < 20; count++) await file.edit({ name: `m${count}`, entry: { path: `${count}.gguf` } });
    };
    await lamina();
    await hand();
    assert.equal(Object.keys((await file.read()).manifest.models).length, 21);
    assert.match(await text(), /# hand 19\n/);
  });

  it('refuses to edit a file that was made invalid by hand, and keeps both versions', async () => {
    await file.read();
    const broken = (await text()).replace('[conversational, fast]', '[conversational');
    await writeFile(path, broken);
    await assert.rejects(file.edit({ name: 'new', entry: { path: 'n.gguf' } }), {
      code: 'CONFLICT',
      message: /"new" is not written into it; the version with it is models\.yaml\.lamina.*line|models\.yaml:18/,
    });
    assert.equal(await text(), broken);
    assert.match(await readFile(`${path}.lamina`, 'utf8'), / {2}new:\n {4}path: n\.gguf\n/);
  });

  it('refuses a change that would change other entries through an anchor', async () => {
    const shared = 'models:\n  a: &a\n    path: a.gguf\n    backend: vllm\n  b:\n    <<: *a\n    path: b.gguf\n';
    await writeFile(path, shared);
    await assert.rejects(file.edit({ name: 'a', entry: { path: 'a.gguf', backend: 'mlc' } }), {
      code: 'CONFLICT',
      message: /shares an anchor/,
    });
    await assert.rejects(file.edit({ name: 'a', entry: undefined }), { code: 'CONFLICT' });
    assert.equal(await text(), shared);
    await file.edit({ name: 'b', entry: { path: 'b.gguf', backend: 'mlc' } });
    assert.equal(await text(), shared.replace('path: b.gguf\n', 'path: b.gguf\n    backend: mlc\n'));
  });

  it('keeps the mode of the file and the link to it, and leaves no temporary files', async () => {
    const link = join(directory, 'link.yaml');
    await symlink(path, link);
    await chmod(path, 0o640);
    await new ManifestFile(link, false).edit({ name: 'x', entry: { path: 'x.gguf' } });
    assert.equal((await lstat(link)).isSymbolicLink(), true);
    assert.equal((await stat(path)).mode & 0o777, 0o640);
    assert.deepEqual((await readdir(directory)).sort(), ['link.yaml', 'models.yaml']);
  });

  it('creates the manifest and its directory when they do not exist', async () => {
    path = join(directory, 'models', 'models.yaml');
    await new ManifestFile(path, true).edit({
      name: 'org/name:q4',
      entry: { path: 'x.gguf', pinned: true, limits: { idle_timeout: 0 } },
    });
    assert.equal(
      await text(),
      'models:\n  "org/name:q4":\n    path: x.gguf\n    pinned: true\n    limits:\n      idle_timeout: 0\n',
    );
  });

  it('writes nothing when nothing changes', async () => {
    const before = await stat(path, { bigint: true });
    const { manifest } = await file.read();
    await file.edit({ name: 'mistral-7b-awq', entry: { ...manifest.models['mistral-7b-awq']! } });
    await file.edit({ name: 'absent', entry: undefined });
    assert.equal((await stat(path, { bigint: true })).ino, before.ino);
  });
});
