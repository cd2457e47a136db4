// Finds models in the models directory that nobody wrote down: GGUF files, in shards too, safetensors and MLC directories.
import { basename, extname, join, relative, sep } from 'node:path';
import type { Discovery } from '../contract/hooks.js';
import { makeModel } from './catalog.js';
import { modelsIn } from './files/directory.js';
import { findFiles } from './files/find.js';
import { leadsDown, type KnownFile } from './files/disk.js';
import type { Folders } from './files/folders.js';
import type { HeaderCache } from './files/header-cache.js';
import { inTurns } from './in-turns.js';
import { problemOf } from './files/model-facts.js';
import { shardName } from './files/shards.js';

/** Models are looked for so many levels below the models directory. */
export const deepest = 6;

/** What tools put behind the name of a file that they have not finished. */
const unfinished = /\.(part|partial|incomplete|download|crdownload|tmp|temp|aria2|!qb)$/i;

/**
 * Offers every model below the folders' root that is not `taken`, under the name of its path. A GGUF file counts only when its header
 * says that it is whole: the answer is the files whose headers must be read before that is known.
 */
export async function offerFolder(folders: Folders, headers: HeaderCache, taken: ReadonlySet<string>, discovery: Discovery): Promise<readonly string[]> {
  const unread: string[] = [];
  const offer = async (path: string) => {
    if (taken.has(path)) return;
    const written = relative(folders.root, path);
    const { problems, ...found } = await findFiles(written, { path: written }, folders);
    if (problems.length > 0) return;
    const known = found.format === 'gguf' ? await wholeHeaders(found.files.map((file) => file.path), folders, headers, unread) : [];
    if (known === undefined) return;
    const quantization = known[0]?.facts.metadata?.quantization;
    const model = makeModel(nameOf(written), {}, found, 'discovered');
    discovery.add(quantization === undefined ? model : { ...model, metadata: { quantization } });
  };
  await walk(folders.root, 0, folders, offer);
  return unread;
}

async function walk(directory: string, depth: number, folders: Folders, offer: (path: string) => Promise<void>): Promise<void> {
  const listing = await folders.list(directory);
  const names = [...listing.keys()].filter((name) => !name.startsWith('.'));
  const finished = finishedOf(names);
  if (depth > 0 && isWholeDirectory(finished)) return offer(directory);
  for (const name of modelsIn(finished)) await offer(join(directory, name));
  if (depth === deepest) return;
  const below = names.filter((name) => leadsDown(name, listing.get(name)!));
  await inTurns(below, (name) => walk(join(directory, name), depth + 1, folders, offer));
}

/** The names without those of files that another tool is at work on: by their own names, or by a companion's. */
function finishedOf(names: readonly string[]): readonly string[] {
  const leftovers = new Set(names.filter((name) => unfinished.test(name)));
  if (leftovers.size === 0) return names;
  return names.filter((name) => !leftovers.has(name) && !['.part', '.aria2', '.crdownload', '.incomplete', '.!qB'].some((suffix) => leftovers.has(name + suffix)));
}

/** A directory that is one model: MLC weights, or a safetensors model with all its shards. */
function isWholeDirectory(names: readonly string[]): boolean {
  if (names.includes('mlc-chat-config.json')) return names.some((name) => /^(tensor|ndarray)-cache\.json$/.test(name)) && names.some((name) => name.endsWith('.bin'));
  if (!names.includes('config.json')) return false;
  const tensors = names.filter((name) => extname(name).toLowerCase() === '.safetensors');
  return tensors.length > 0 && hasAllShards(tensors);
}

function hasAllShards(tensors: readonly string[]): boolean {
  const shards = tensors.flatMap((name) => shardName(basename(name, extname(name))) ?? []);
  return shards.every(({ prefix, count }) => new Set(shards.filter((other) => other.prefix === prefix && other.count === count).map(({ index }) => index)).size === count);
}

/** The headers of files that are all whole; `undefined` while that is not known, or when one is not. */
async function wholeHeaders(paths: readonly string[], folders: Folders, headers: HeaderCache, unread: string[]): Promise<readonly KnownFile[] | undefined> {
  await headers.load();
  const whole: KnownFile[] = [];
  for (const path of paths) {
    const there = await folders.look(path);
    const known = there?.kind === 'file' ? headers.peek(path, there) : undefined;
    if (known === undefined) unread.push(path);
    else if (problemOf(path, known) === undefined) whole.push(known);
  }
  return whole.length === paths.length ? whole : undefined;
}

/** `org/llama/llama-q4.gguf` → `org/llama/llama-q4`; a file called as its directory has the directory's name. It depends on nothing but the path. */
function nameOf(written: string): string {
  const parts = written.split(sep);
  const last = parts.pop()!;
  const stem = last.replace(/\.gguf$/i, '');
  const name = shardName(stem)?.prefix ?? stem;
  return parts.at(-1)?.toLowerCase() === name.toLowerCase() ? parts.join('/') : [...parts, name].join('/');
}
