// DELETE /models/:name?files=1 deletes exactly the files of the model, then the directories that became empty.
import assert from 'node:assert/strict';
import { appendFile, chmod, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestLamina, type TestLamina } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';

interface Removal {
  readonly removed: string;
  readonly deleted: readonly string[];
  readonly kept: readonly string[];
}

describe('removing a model with its files', () => {
  let lamina: TestLamina;
  let server: Server;
  let url: string;

  async function serve(files: Readonly<Record<string, string>>): Promise<void> {
    lamina = await createTestLamina({ files });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  }

  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
  });

  const remove = async (name: string): Promise<Removal> => {
    const response = await fetch(`${url}/models/${name}?files=1`, { method: 'DELETE' });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as Removal;
  };

  const left = async (): Promise<readonly string[]> => {
    const entries = await readdir(lamina.modelsDir, { recursive: true });
    return entries.filter((path) => !path.startsWith('.')).sort();
  };
  const at = (...paths: readonly string[]) => paths.map((path) => join(lamina.modelsDir, path));

  const tensors = {
    'config.json': '{}',
    'model.safetensors': 'x',
    'tokenizer.json': '{}',
    'generation_config.json': '{}',
  };
  const below = (directory: string, files: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`${directory}/${name}`, text]));

  it('deletes the files of a safetensors model and nothing that lies beside or below them', async () => {
    await serve({
      ...below('org/model', {
        ...tensors,
        'model.safetensors.index.json': '{}',
        'notes.txt': 'mine',
        'letters/love.txt': 'mine',
      }),
      'org/model/letters/config.json': 'mine',
      'models.yaml': 'models:\n  big: { path: org/model }\n',
    });
    const { removed, deleted, kept } = await remove('big');
    assert.deepEqual(await left(), [
      'models.yaml',
      'org',
      'org/model',
      'org/model/letters',
      'org/model/letters/config.json',
      'org/model/letters/love.txt',
      'org/model/notes.txt',
    ]);
    assert.equal(removed, 'big');
    const names = [
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'model.safetensors.index.json',
      'tokenizer.json',
    ];
    assert.deepEqual([...deleted].sort(), at(...names.map((name) => `org/model/${name}`)));
    assert.deepEqual(kept, ['org/model stays: it holds what is not part of the model (letters, notes.txt).']);
  });

  it('deletes the files of an MLC model, and then the directories that became empty', async () => {
    const mlc = {
      'mlc-chat-config.json': '{}',
      'ndarray-cache.json': '{}',
      'params_shard_0.bin': 'x',
      'params_shard_1.bin': 'x',
      'tokenizer.model': 'x',
    };
    await serve({ ...below('org/chat', mlc), 'models.yaml': 'models:\n  chat: { path: org/chat }\n' });
    const { deleted, kept } = await remove('chat');
    assert.deepEqual(await left(), ['models.yaml']);
    assert.deepEqual(
      [...deleted].sort(),
      at('org', 'org/chat', ...Object.keys(mlc).map((name) => `org/chat/${name}`)).sort(),
    );
    assert.deepEqual(kept, []);
  });

  it('deletes nothing of a directory that holds no model it knows', async () => {
    await serve({
      'box/photo.jpg': 'mine',
      'box/deep/letter.txt': 'mine',
      'models.yaml': 'models:\n  odd: { path: box }\n',
    });
    assert.deepEqual((await remove('odd')).deleted, []);
    assert.deepEqual(await left(), ['box', 'box/deep', 'box/deep/letter.txt', 'box/photo.jpg', 'models.yaml']);
  });

  it('deletes a model that fills the models directory, but not what else is there', async () => {
    await serve({ ...tensors, 'diary.txt': 'mine', 'models.yaml': 'models:\n  all: { path: . }\n' });
    await remove('all');
    assert.deepEqual(await left(), ['diary.txt', 'models.yaml']);
  });

  it('keeps every file that another model uses: in the same directory, through a link, or through a new entry', async () => {
    await serve({
      ...below('shared', tensors),
      'target.gguf': 'x',
      'draft.gguf': 'x',
      'links/readme': 'mine',
      'models.yaml':
        'models:\n  a: { path: shared }\n  b: { path: shared/model.safetensors }\n  t: { path: target.gguf, draft: draft.gguf }\n',
    });
    await symlink(join(lamina.modelsDir, 'target.gguf'), join(lamina.modelsDir, 'links/link.gguf'));
    await appendFile(
      join(lamina.modelsDir, 'models.yaml'),
      '  l: { path: links/link.gguf }\n  d: { path: draft.gguf }\n',
    );
    assert.deepEqual((await remove('t')).kept, [
      'target.gguf stays: the model "l" uses it too.',
      'draft.gguf stays: the model "d" uses it too.',
    ]);
    assert.deepEqual((await remove('a')).deleted, []);
    await appendFile(join(lamina.modelsDir, 'models.yaml'), '  t: { path: target.gguf }\n');
    assert.deepEqual((await remove('l')).deleted, at('links/link.gguf'));
    const tensorFiles = Object.keys(tensors)
      .map((name) => `shared/${name}`)
      .sort();
    assert.deepEqual(await left(), [
      'draft.gguf',
      'links',
      'links/readme',
      'models.yaml',
      'shared',
      ...tensorFiles,
      'target.gguf',
    ]);
  });

  it('deletes nothing that only a symbolic link to a directory leads to', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'lamina-outside-'));
    try {
      await serve({ ...below('real', tensors), 'models.yaml': 'models: {}\n' });
      for (const [name, text] of Object.entries(tensors)) await writeFile(join(outside, name), text);
      await symlink(join(lamina.modelsDir, 'real'), join(lamina.modelsDir, 'inner'));
      await symlink(outside, join(lamina.modelsDir, 'outer'));
      const entries = ['inner/model.safetensors', join(lamina.modelsDir, 'outer/model.safetensors')];
      const manifest = entries.map((path, index) => `  m${index}: { path: ${path} }\n`).join('');
      await writeFile(join(lamina.modelsDir, 'models.yaml'), `models:\n${manifest}`);
      await lamina.models.reload();
      for (const name of ['m0', 'm1']) await remove(name);
      assert.deepEqual((await readdir(outside)).sort(), Object.keys(tensors).sort());
      assert.deepEqual((await readdir(join(lamina.modelsDir, 'real'))).sort(), Object.keys(tensors).sort());
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it('names the file that could not be deleted', async function () {
    if (process.getuid?.() === 0) this.skip(); // Root may delete anywhere.
    await serve({ 'locked/a.gguf': 'x', 'models.yaml': 'models:\n  a: { path: locked/a.gguf }\n' });
    await chmod(join(lamina.modelsDir, 'locked'), 0o555);
    const { deleted, kept } = await remove('a');
    await chmod(join(lamina.modelsDir, 'locked'), 0o755);
    assert.deepEqual(deleted, []);
    assert.match(kept.join(), /^locked\/a\.gguf stays: EACCES/);
  });
});
