import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { createLamina } from '@lamina/core';
import type { Model } from '@lamina/core/plugin';
import { hfSource } from '../dist/index.js';
import { all, contextFor, sourceOf } from './source-kit.js';
import { sha256 } from './hub-server.js';

const older = 'a'.repeat(40);
const newer = 'b'.repeat(40);

describe('the cache of the Hugging Face tools', () => {
  let cache: string;
  beforeEach(async () => (cache = await mkdtemp(join(tmpdir(), 'lamina-hf-cache-'))));
  afterEach(() => rm(cache, { recursive: true }));

  /** Stores files as huggingface_hub does: blobs by their hash, snapshots that link to them. */
  async function storeSnapshot(repo: string, commit: string, names: readonly string[], main = commit): Promise<string> {
    const directory = join(cache, `models--${repo.replace('/', '--')}`);
    const snapshot = join(directory, 'snapshots', commit);
    await mkdir(join(directory, 'blobs'), { recursive: true });
    await mkdir(join(directory, 'refs'), { recursive: true });
    await writeFile(join(directory, 'refs', 'main'), main);
    for (const name of names) {
      const content = `${commit} ${name}`;
      const blob = join(directory, 'blobs', sha256(content));
      const link = join(snapshot, name);
      await writeFile(blob, content);
      await mkdir(dirname(link), { recursive: true });
      await symlink(relative(dirname(link), blob), link);
    }
    return snapshot;
  }

  async function adopted(env: Record<string, string> = { HF_HUB_CACHE: cache }): Promise<Model[]> {
    return all((await sourceOf(hfSource(), env)).adopt?.(contextFor()));
  }
  const named = (models: readonly Model[]) =>
    Object.fromEntries(
      models.map(({ name, files }) => [name, files.map(({ role, path }) => `${role} ${relative(cache, path)}`)]),
    );

  it('provides its GGUF models in place, each under the name that a download would have', async () => {
    const snapshot = await storeSnapshot('org/name', newer, [
      'm-Q4_K_M.gguf',
      'm-Q8_0-00001-of-00002.gguf',
      'm-Q8_0-00002-of-00002.gguf',
      'mmproj-F16.gguf',
      'README.md',
    ]);
    const at = (name: string) => join(relative(cache, snapshot), name);
    const models = await adopted();
    assert.deepEqual(named(models), {
      'org/name:Q4_K_M': [`weights ${at('m-Q4_K_M.gguf')}`, `projector ${at('mmproj-F16.gguf')}`],
      'org/name:Q8_0': [
        `weights ${at('m-Q8_0-00001-of-00002.gguf')}`,
        `weights ${at('m-Q8_0-00002-of-00002.gguf')}`,
        `projector ${at('mmproj-F16.gguf')}`,
      ],
    });
    assert.ok(
      models.every(
        ({ from, format, files }) => from === 'adopted' && format === 'gguf' && files.every(({ bytes }) => bytes > 0),
      ),
    );
  });

  it('provides directories of safetensors and MLC under the name of the repository', async () => {
    await storeSnapshot('org/tensors', newer, [
      'config.json',
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ]);
    await storeSnapshot('org/mlc', newer, ['mlc-chat-config.json', 'ndarray-cache.json', 'params_shard_0.bin']);
    const models = await adopted();
    assert.deepEqual(
      models.map(({ name, format }) => [name, format]),
      [
        ['org/mlc', 'mlc'],
        ['org/tensors', 'safetensors'],
      ],
    );
    assert.equal(models[1]?.files[0]?.path, join(cache, 'models--org--tensors', 'snapshots', newer));
  });

  it('skips incomplete models', async () => {
    const snapshot = await storeSnapshot('org/half', newer, ['m-Q4_K_M-00001-of-00002.gguf', 'mmproj-F16.gguf']);
    await storeSnapshot('org/tensors', newer, ['config.json', 'model-00001-of-00002.safetensors']);
    await symlink('../../blobs/gone', join(snapshot, 'm-Q8_0.gguf'));
    await writeFile(join(cache, 'models--org--half', 'blobs', 'gone.incomplete'), 'x');
    assert.deepEqual(await adopted(), []);
  });

  it('provides the commit of main, and from older commits what main lacks', async () => {
    await storeSnapshot('org/name', older, ['m-Q4_K_M.gguf', 'm-Q2_K.gguf'], newer);
    const snapshot = await storeSnapshot('org/name', newer, ['m-Q4_K_M.gguf']);
    await utimes(snapshot, 1, 1);
    const models = await adopted();
    assert.deepEqual(
      models.map(({ name }) => name),
      ['org/name:Q4_K_M', 'org/name:Q2_K'],
    );
    assert.ok(models[0]!.files[0]!.path.includes(newer) && models[1]!.files[0]!.path.includes(older));
  });

  it('gives two files of one quantisation different names', async () => {
    await storeSnapshot('org/name', newer, ['a-Q8_0.gguf', 'b-Q8_0.gguf', 'plain.gguf']);
    assert.deepEqual(
      (await adopted()).map(({ name }) => name),
      ['org/name:Q8_0', 'org/name:b-Q8_0', 'org/name:plain'],
    );
  });

  it('is found where the environment says', async () => {
    await rm(cache, { recursive: true });
    const hfHome = cache;
    cache = join(hfHome, 'hub');
    await storeSnapshot('gpt2', newer, ['m-Q8_0.gguf']);
    for (const env of [
      { HF_HOME: hfHome },
      { HUGGINGFACE_HUB_CACHE: cache },
      { HF_HUB_CACHE: cache, HF_HOME: '/nowhere' },
    ])
      assert.deepEqual(
        (await adopted(env)).map(({ name }) => name),
        ['gpt2:Q8_0'],
      );
    assert.deepEqual(await adopted({ HOME: '/nowhere' }), []);
    assert.deepEqual(await adopted({}), []);
    cache = hfHome;
  });

  it('is ignored when it is disabled, and may contain other files than models', async () => {
    await storeSnapshot('org/name', newer, ['m-Q8_0.gguf']);
    await mkdir(join(cache, 'datasets--org--data', 'snapshots'), { recursive: true });
    await writeFile(join(cache, 'CACHEDIR.TAG'), '');
    assert.equal((await adopted()).length, 1);
    assert.equal((await sourceOf(hfSource({ adopt: false }), { HF_HUB_CACHE: cache })).adopt, undefined);
  });

  it('may be missing', async () => {
    const lamina = await createLamina({
      plugins: [hfSource()],
      modelsDir: cache,
      env: {},
      log: 'silent',
      manifest: {},
    });
    assert.deepEqual(lamina.models.list(), []);
    await lamina.close();
  });
});
