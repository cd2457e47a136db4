// The source `local`: a file or a directory of this machine, copied, linked, or used in place.
import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaminaError } from '@lamina/core';
import { createTestLamina, type TestLamina } from '@lamina/testing';
import { ggufBytes, sha256Of } from './hostile-server.js';

describe('a model from this machine', () => {
  let folder: string;
  let file: string;
  let lamina: TestLamina;
  const content = ggufBytes(100_000);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lamina-local-'));
    file = join(folder, 'tiny.gguf');
    writeFileSync(file, content);
    lamina = await createTestLamina();
  });
  afterEach(async () => {
    await lamina.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const pullLocal = async (reference: string | Record<string, string>) => {
    const { id } = await lamina.downloads.start({ reference, name: 'mine' });
    await lamina.downloads.wait(id);
    return lamina.models.get('mine')!;
  };

  it('is copied, and the copy is independent', async () => {
    const { available, entry } = await pullLocal(file);
    assert.deepEqual([available, entry.path, entry.digest], [true, 'mine/tiny.gguf', `sha256:${sha256Of(content)}`]);
    assert.notEqual(statSync(join(lamina.modelsDir, 'mine/tiny.gguf')).ino, statSync(file).ino);
    writeFileSync(file, 'changed');
    assert.deepEqual(readFileSync(join(lamina.modelsDir, 'mine/tiny.gguf')), content);
  });

  it('is refused with the name of a shard that is missing', async () => {
    const shard = join(folder, 'big-00001-of-00002.gguf');
    writeFileSync(shard, content);
    await assert.rejects(pullLocal(shard), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /^The source local has no model "\S+big-00002-of-00002\.gguf"\. The file is missing beside the others/,
    });
  });

  it('is linked, which uses no disk space', async () => {
    await pullLocal({ path: file, mode: 'link' });
    assert.equal(statSync(join(lamina.modelsDir, 'mine/tiny.gguf')).ino, statSync(file).ino);
  });

  it('is linked as the file that a symbolic link leads to', async () => {
    const link = join(folder, 'link.gguf');
    symlinkSync('tiny.gguf', link);
    await pullLocal({ path: link, mode: 'link' });
    assert.equal(lstatSync(join(lamina.modelsDir, 'mine/link.gguf')).ino, statSync(file).ino);
  });

  it('is used in place', async () => {
    const { available, entry } = await pullLocal({ path: file, mode: 'in-place' });
    assert.deepEqual([available, entry.path], [true, file]);
    assert.deepEqual(
      readdirSync(lamina.modelsDir).filter((name) => name === 'mine'),
      [],
    );
  });

  it('may be a directory, whose hidden files are skipped', async () => {
    mkdirSync(join(folder, 'model/part'), { recursive: true });
    for (const name of ['config.json', 'part/weights.bin', '.hidden']) writeFileSync(join(folder, 'model', name), name);
    const { entry } = await pullLocal(join(folder, 'model'));
    assert.equal(entry.path, 'mine');
    assert.deepEqual(readdirSync(join(lamina.modelsDir, 'mine'), { recursive: true }).sort(), [
      'config.json',
      'part',
      'part/weights.bin',
    ]);
  });

  it('is rejected when it is not the announced file, or does not exist', async () => {
    await assert.rejects(pullLocal({ path: file, sha256: sha256Of(Buffer.from('other')) }), (error) =>
      LaminaError.is(error, 'DIGEST_MISMATCH'),
    );
    assert.deepEqual(readFileSync(file), content);
    await assert.rejects(pullLocal(join(folder, 'none.gguf')), (error) => LaminaError.is(error));
  });
});
