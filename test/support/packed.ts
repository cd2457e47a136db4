// The packages as npm publishes them, packed once for all tests of a process.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './root.js';

const run = promisify(execFile);
const destination = await mkdtemp(join(tmpdir(), 'lamina-packed-'));
let packed: Promise<ReadonlyMap<string, string>> | undefined;

// Of the whole run, because several files share the tarballs.
after(() => rm(destination, { recursive: true }));

/** The tarball of each package of this repository, by the name of the package. */
export function packedPackages(): Promise<ReadonlyMap<string, string>> {
  return (packed ??= pack(root, '--workspaces'));
}

/** Packs a package that has been built; the names and paths of the tarballs. */
export async function pack(folder: string, ...args: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const options = ['--ignore-scripts', '--json', '--pack-destination', destination];
  const { stdout } = await run('npm', ['pack', ...args, ...options], { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
  const entries = JSON.parse(stdout) as readonly { name: string; filename: string }[];
  return new Map(entries.map(({ name, filename }) => [name, join(destination, filename)]));
}
