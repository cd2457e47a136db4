// Listings of directories, and the limit on file system calls of scans. Internal: no public entry point shows how many
// calls run at once.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Disk, listDirectory } from '../../dist/models/files/disk.js';

describe('a listing of a directory', () => {
  let directory: string;
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'lamina-folders-'))));
  afterEach(() => rm(directory, { recursive: true }));

  it('contains the type of every name, with links followed', async () => {
    await mkdir(join(directory, 'below'));
    await writeFile(join(directory, 'b.gguf'), 'GGUF');
    await symlink('b.gguf', join(directory, 'a-link'));
    await symlink('below', join(directory, 'c-link'));
    await symlink('nowhere', join(directory, 'd-link'));
    const listing = await listDirectory(directory);
    assert.deepEqual(
      [...listing].map(([name, { kind, isLink, bytes }]) => [name, kind, isLink, bytes]),
      [
        ['a-link', 'file', true, 4],
        ['b.gguf', 'file', false, 4],
        ['below', 'directory', false, 0],
        ['c-link', 'directory', true, 0],
        ['d-link', 'nothing', true, 0],
      ],
    );
  });

  it('contains names of any kind, and the exact sizes and times of the files', async () => {
    const names = ['a b.gguf', 'line\nbreak.gguf', '"quoted".gguf', 'back\\slash.gguf', 'größe→.gguf', ' .gguf'].sort();
    for (const [index, name] of names.entries()) {
      await writeFile(join(directory, name), 'GGUF'.repeat(index));
      await utimes(join(directory, name), 1, 1_700_000_000.123456 + index);
    }
    const listing = await listDirectory(directory);
    assert.deepEqual([...listing.keys()], names);
    for (const name of names) {
      const { size, mtimeMs } = await stat(join(directory, name));
      assert.deepEqual(listing.get(name), { kind: 'file', isLink: false, bytes: size, modifiedMs: mtimeMs });
    }
  });

  it('is empty for a directory that does not exist', async () => {
    assert.equal((await listDirectory(join(directory, 'absent'))).size, 0);
  });
});

describe('a limit on file system calls', () => {
  it('is respected', async () => {
    const disk = new Disk(2, new AbortController().signal);
    let [now, most] = [0, 0];
    const call = async () => {
      most = Math.max(most, (now += 1));
      await setImmediate();
      now -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => disk.run(call)));
    assert.equal(most, 2);
  });

  it('leaves no caller waiting when it is cancelled, even for calls that hang', async () => {
    const reason = new Error('closed');
    const controller = new AbortController();
    const disk = new Disk(2, controller.signal);
    const waiting = Array.from({ length: 5 }, () => disk.run(() => new Promise<never>(() => undefined)));
    controller.abort(reason);
    for (const call of [...waiting, disk.run(() => Promise.resolve())])
      await assert.rejects(call, (error) => error === reason);
  });
});
