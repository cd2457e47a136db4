import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyGguf } from '@lamina/testing';
import { Disk } from '../../dist/models/files/disk.js';
import type { Listing } from '../../dist/models/files/listing.js';

describe('the thread that looks at disks', () => {
  let directory: string;
  let disk: Disk;
  const over = new Error('it is over');

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-disk-'));
    disk = new Disk();
  });
  afterEach(async () => {
    await disk.close(over);
    await rm(directory, { recursive: true, force: true });
  });

  it('tells what every name in a directory stands for, links followed', async () => {
    await mkdir(join(directory, 'below'));
    await writeFile(join(directory, 'b.gguf'), 'GGUF');
    await symlink('b.gguf', join(directory, 'a-link'));
    await symlink('below', join(directory, 'c-link'));
    await symlink('nowhere', join(directory, 'd-link'));
    const listing = await disk.list(directory);
    const told = listing.names.map((name) => {
      const { kind, isLink, bytes } = listing.get(name)!;
      return [name, kind, isLink, bytes];
    });
    assert.deepEqual(told, [
      ['a-link', 'file', true, 4],
      ['b.gguf', 'file', false, 4],
      ['below', 'directory', false, 0],
      ['c-link', 'directory', true, 0],
      ['d-link', 'nothing', true, 0],
    ]);
  });

  it('tells of any name, and of size and time exactly as a file itself does', async () => {
    const names = ['a b.gguf', 'line\nbreak.gguf', '"quoted".gguf', 'back\\slash.gguf', 'größe→.gguf', ' .gguf'].sort();
    for (const [index, name] of names.entries()) {
      await writeFile(join(directory, name), 'GGUF'.repeat(index));
      await utimes(join(directory, name), 1, 1_700_000_000.123456 + index);
    }
    const listing = await disk.list(directory);
    assert.deepEqual(listing.names, names);
    assert.deepEqual(listing.models, names);
    for (const name of names) {
      const { size, mtimeMs } = await stat(join(directory, name));
      assert.deepEqual(listing.get(name), { kind: 'file', isLink: false, bytes: size, modifiedMs: mtimeMs });
    }
    assert.equal(listing.get('a b'), undefined);
  });

  it('tells what may be offered of a directory, and where to go down', async () => {
    for (const path of ['mlc', '.hidden', 'below']) await mkdir(join(directory, path));
    for (const path of [
      'a.gguf',
      '.b.gguf',
      'c.gguf.part',
      'd.gguf',
      'd.gguf.aria2',
      'mmproj-a.gguf',
      'e-00001-of-00002.gguf',
      'e-00002-of-00002.gguf',
      'mlc/mlc-chat-config.json',
      'mlc/tensor-cache.json',
      'mlc/params_shard_0.bin',
    ])
      await writeFile(join(directory, path), 'x');
    const { models, down, isModel } = await disk.list(directory);
    assert.deepEqual(
      { models, down, isModel },
      { models: ['a.gguf', 'e-00001-of-00002.gguf'], down: ['below', 'mlc'], isModel: false },
    );
    assert.equal((await disk.list(join(directory, 'mlc'))).isModel, true);
  });

  it('finds nothing in a directory that is not there', async () => {
    assert.equal((await disk.list(join(directory, 'absent'))).names.length, 0);
  });

  it('walks so many levels down, past hidden directories and links', async () => {
    for (const path of ['a/b/c/d', '.hidden/x']) await mkdir(join(directory, path), { recursive: true });
    await symlink('..', join(directory, 'a/up'));
    const seen = new Map<string, Listing>();
    await disk.walk(directory, 2, (path, listing) => seen.set(path, listing));
    assert.deepEqual([...seen.keys()], [directory, join(directory, 'a'), join(directory, 'a/b')]);
    assert.deepEqual(seen.get(join(directory, 'a/b'))!.names, ['c']);
  });

  it('reads what a file tells, and not again what is as it was known', async () => {
    const { paths } = await tinyGguf(join(directory, 'tiny.gguf'));
    const file = await disk.facts(paths[0], undefined);
    assert.equal(file!.facts.metadata!.architecture, 'llama');
    assert.equal(await disk.facts(paths[0], file), undefined);
    assert.match((await disk.facts(join(directory, 'absent.gguf'), file))!.facts.broken!, /cannot be read: ENOENT/);
  });

  it('answers everybody who asks at once', async () => {
    const { paths } = await tinyGguf(join(directory, 'tiny.gguf'));
    const files = await Promise.all(Array.from({ length: 300 }, () => disk.facts(paths[0], undefined)));
    assert.ok(files.every((file) => file?.facts.metadata?.architecture === 'llama'));
  });

  it('leaves nobody waiting when it is closed', async () => {
    await disk.list(directory);
    const late = assert.rejects(disk.list(directory), (error) => error === over);
    await disk.close(over);
    await late;
    await assert.rejects(disk.list(directory), (error) => error === over);
  });
});
