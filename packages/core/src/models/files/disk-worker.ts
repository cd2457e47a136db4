// The thread that looks at disks. It does one thing after the other and waits for each: nobody but it is held up by
// that.
import { readdirSync, statSync, type Dirent, type Stats } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { reasonOf } from '../../kernel/reason.js';
import { unlessShortage } from '../../kernel/shortage.js';
import { offersOf } from './directory.js';
import type { DiskAnswer, DiskMessage, DiskOrder, FileVersion } from './disk.js';
import type { FileFacts } from './file-facts.js';
import { readFacts } from './facts.js';
import { joined, Listing, pathIn, type ListedDirectory, type Mark } from './listing.js';

const port = parentPort!;
/** So many answers, or directories of a walk, go back together. */
const together = 64;
let answers: DiskAnswer[] = [];
/** The chat templates of these answers, with their places. */
let templates = new Map<string, number>();

port.on('message', (orders: readonly DiskOrder[]) => {
  for (const order of orders) {
    obey(order);
    if (answers.length >= together) send();
  }
  send();
});

function obey(order: DiskOrder): void {
  const { id, path } = order;
  if (order.kind === 'facts') answers.push(look(id, path, order.known));
  else if (order.kind === 'list') answers.push({ id, directories: [list(path)], done: true });
  else walk(id, path, order.depth);
}

/** As JSON, which is written and read in a fraction of the time that a copy of the objects takes. */
function send(): void {
  if (answers.length === 0) return;
  port.postMessage(JSON.stringify({ answers, templates: [...templates.keys()] } satisfies DiskMessage));
  answers = [];
  templates = new Map();
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
      if (left > 0) for (const name of new Listing(directory).down) below.push(pathIn(path, name));
      if (listed.length < together) continue;
      answers.push({ id, directories: listed, done: false });
      listed = [];
      send();
    }
    level = below;
  }
  answers.push({ id, directories: listed, done: true });
}

/** What is neither file, directory nor link, such as a socket, is nothing a model could be in. */
function list(path: string): ListedDirectory {
  const names: string[] = [];
  const down: string[] = [];
  const told: (string | number)[] = [];
  for (const entry of entriesOf(path)) {
    const { name } = entry;
    const isLink = entry.isSymbolicLink();
    const isDirectory = entry.isDirectory();
    if (!isLink && !isDirectory && !entry.isFile()) continue;
    const stats = isDirectory ? undefined : statOf(pathIn(path, name));
    const isFile = stats?.isFile() === true;
    const mark: Mark = isDirectory ? 'd' : isFile && !isLink ? 'f' : markOfLink(stats);
    told.push(name, mark, isFile ? stats.size : 0, isFile ? stats.mtimeMs : 0);
    names.push(name);
    if (isDirectory && !name.startsWith('.')) down.push(name);
  }
  const { models, isModel } = offersOf(names);
  return { path, names: joined(told), down: joined(down), models: joined(models), isModel };
}

function markOfLink(stats: Stats | undefined): Mark {
  if (stats?.isFile() === true) return 'F';
  return stats?.isDirectory() === true ? 'D' : 'N';
}

/** Sorted by name. */
function entriesOf(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    // Thrown, it ends the thread and fails the look: what was there must not seem to be gone.
    return unlessShortage([])(error);
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return unlessShortage(undefined)(error);
  }
}

/** A file as it is now; one that cannot be read has 0 bytes. */
function look(id: number, path: string, known: FileVersion | undefined): DiskAnswer {
  try {
    const { size: bytes, mtimeMs: modifiedMs } = statSync(path);
    return known?.bytes === bytes && known.modifiedMs === modifiedMs
      ? { id }
      : answerWith(id, { bytes, modifiedMs }, readFacts(path, bytes));
  } catch (error) {
    return {
      id,
      file: { bytes: 0, modifiedMs: 0, facts: { broken: `it cannot be read: ${reasonOf(error)}`, unreadable: true } },
    };
  }
}

function answerWith(id: number, { bytes, modifiedMs }: FileVersion, facts: FileFacts): DiskAnswer {
  const chatTemplate = facts.metadata?.chatTemplate;
  if (chatTemplate === undefined) return { id, file: { bytes, modifiedMs, facts } };
  const template = templates.get(chatTemplate) ?? templates.size;
  templates.set(chatTemplate, template);
  Object.assign(facts.metadata!, { chatTemplate: undefined }); // JSON leaves it out.
  return { id, file: { bytes, modifiedMs, facts }, template };
}
