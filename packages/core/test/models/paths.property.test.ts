// Paths of the manifest: a relative path never reaches anything outside the models directory, except through a link in it.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import fc from 'fast-check';
import { Disk } from '../../dist/models/files/disk.js';
import { findFiles } from '../../dist/models/files/find.js';
import { Folders, isWithin } from '../../dist/models/files/folders.js';
import { nameProblem } from '../../dist/models/manifest/rules.js';
import { cases } from './cases.js';

const part = fc.constantFrom(
  '..',
  '.',
  '',
  'a',
  'b',
  'x.gguf',
  'out',
  'up',
  'file.gguf',
  'loop',
  'in',
  '...',
  '..\\..',
  '%2e%2e',
  'x-00001-of-00002.gguf',
  '\u2024\u2024',
  '~',
  'secret',
  'secret.gguf',
  'outside',
);

describe('a path of the manifest', function () {
  this.timeout(0);
  let directory: string;
  let root: string;
  const disk = new Disk(2, new AbortController().signal);
  before(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'lamina-paths-')));
    root = join(directory, 'models');
    await mkdir(join(root, 'a/b'), { recursive: true });
    await mkdir(join(directory, 'outside'));
    for (const file of [
      'outside/x.gguf',
      'outside/secret.gguf',
      'secret.gguf',
      'models/x.gguf',
      'models/a/x.gguf',
      'models/a/b/x.gguf',
      'models/a/x-00001-of-00002.gguf',
      'models/a/x-00002-of-00002.gguf',
    ])
      await writeFile(join(directory, file), 'GGUF');
    await symlink(join(directory, 'outside'), join(root, 'out'));
    await symlink('../..', join(root, 'a/up'));
    await symlink(join(directory, 'outside/x.gguf'), join(root, 'file.gguf'));
    await symlink('loop', join(root, 'loop'));
    await symlink('a', join(root, 'in'));
  });
  after(() => rm(directory, { recursive: true }));

  it('leaves the models directory only through a link in it', async () => {
    const folders = new Folders(root, disk);
    let reached = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 7 }),
        fc.constantFrom('path', 'projector', 'draft'),
        async (parts, key) => {
          const written = parts.join('/');
          fc.pre(!isAbsolute(written));
          const { files } = await findFiles('m', { path: 'x.gguf', [key]: written }, folders);
          for (const { path, bytes } of files) {
            if (bytes === 0) continue;
            reached += 1;
            assert.ok(isWithin(root, path) && !path.includes('/../'), `${written} reached ${path}`);
          }
        },
      ),
      { numRuns: cases(500) },
    );
    assert.ok(reached > 0, 'no path reached anything, so the test shows nothing');
  });

  it('cannot be built from any accepted name', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part, { maxLength: 5 }).map((parts) => parts.join('/')),
        ),
        (name) => {
          if (nameProblem(name) === undefined)
            assert.ok(isWithin(root, join(root, name)) && join(root, name) !== root, name);
        },
      ),
      { numRuns: cases(1000) },
    );
  });
});
