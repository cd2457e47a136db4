// The thread that looks at disks. It does one thing after the other and waits for each: nobody but it is held up by that.
import { readdirSync, statSync, type Dirent, type Stats } from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { reasonOf } from '../../contract/errors.js';
import { leadsDown, type DiskAnswer, type DiskOrder, type FileVersion, type KnownFile, type ListedDirectory, type Named } from './disk.js';
import { readFacts } from './facts.js';

const port = parentPort!;
/** So many answers, or directories of a walk, go back together. */
const together = 64;
let answers: DiskAnswer[] = [];

port.on('message', (orders: readonly DiskOrder[]) => {
  for (const order of orders) {
    obey(order);
    if (answers.length >= together) send();
  }
  send();
});

function obey(order: DiskOrder): void {
  const { id, path } = order;
  if (order.kind === 'facts') answers.push({ id, ...look(path, order.known) });
  else if (order.kind === 'list') answers.push({ id, directories: [list(path)], done: true });
  else walk(id, path, order.depth);
}

/** As JSON, which is written and read in a fraction of the time that a copy of the objects takes. */
function send(): void {
  if (answers.length > 0) port.postMessage(JSON.stringify(answers));
  answers = [];
}

/** Nearer directories first. */
function walk(id: number, root: string, depth: number): void {
  let listed: ListedDirectory[] = [];
  let level = [root];
  for (let left = depth; level.length > 0; left -= 1) {
    const below: string[] = [];
    for (const path of level) {
      const directory = list(path);
      listed.push(directory);
      if (left > 0) for (const [name, named] of directory[1]) if (leadsDown(name, named)) below.push(join(path, name));
      if (listed.length < together) continue;
      answers.push({ id, directories: listed, done: false });
      listed = [];
      send();
    }
    level = below;
  }
  answers.push({ id, directories: listed, done: true });
}

function list(path: string): ListedDirectory {
  const names = entriesOf(path).flatMap((entry) => {
    const named = namedBy(entry, path);
    return named === undefined ? [] : [[entry.name, named] as const];
  });
  return [path, names.sort(([a], [b]) => (a < b ? -1 : 1))];
}

function entriesOf(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Neither file, directory nor link, such as a socket, is nothing a model could be in. */
function namedBy(entry: Dirent, directory: string): Named | undefined {
  const isLink = entry.isSymbolicLink();
  if (entry.isDirectory()) return { kind: 'directory', isLink, bytes: 0, modifiedMs: 0 };
  if (!entry.isFile() && !isLink) return undefined;
  const stats = statOf(join(directory, entry.name));
  if (stats?.isFile() === true) return { kind: 'file', isLink, bytes: stats.size, modifiedMs: stats.mtimeMs };
  return { kind: stats?.isDirectory() === true ? 'directory' : 'nothing', isLink, bytes: 0, modifiedMs: 0 };
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** A file as it is now; one that cannot be read has 0 bytes. */
function look(path: string, known: FileVersion | undefined): { readonly file?: KnownFile } {
  try {
    const { size: bytes, mtimeMs: modifiedMs } = statSync(path);
    return known?.bytes === bytes && known.modifiedMs === modifiedMs ? {} : { file: { bytes, modifiedMs, facts: readFacts(path, bytes) } };
  } catch (error) {
    return { file: { bytes: 0, modifiedMs: 0, facts: { broken: `it cannot be read: ${reasonOf(error)}`, unreadable: true } } };
  }
}
