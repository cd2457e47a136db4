// Finds models in the models directory that nobody wrote down: GGUF files, in shards too, safetensors and MLC directories.
import { basename, extname, join, relative, sep } from 'node:path';
import type { Discovery } from '../contract/hooks.js';
import { makeModel } from './catalog.js';
import { modelsIn } from './files/directory.js';
import { findFiles } from './files/find.js';
import { take, wait, type Steps } from '../kernel/steps.js';
import type { KnownFile } from './files/disk.js';
import type { Folders } from './files/folders.js';
import type { HeaderCache } from './files/header-cache.js';
import { problemOf } from './files/model-facts.js';
import { shardName } from './files/shards.js';
import { Slices } from './slices.js';

/** Models are looked for so many levels below the models directory. */
export const deepest = 6;

/** What tools put behind the name of a file that they have not finished. */
const unfinished = /\.(part|partial|incomplete|download|crdownload|tmp|temp|aria2|!qb)$/i;

/** The paths below the folders' root that could be models: files, and directories that are one as a whole. */
export async function findCandidates(folders: Folders): Promise<readonly string[]> {
  const candidates: string[] = [];
  await take(lookFor(candidates, folders.root, 0, folders, new Slices()));
  return candidates;
}

/**
 * Offers every model of the candidates that is not `taken`, under the name of its path. A GGUF file counts only when its header
 * says that it is whole: the answer is the files whose headers must be read before that is known.
 */
export async function offerFolder(candidates: readonly string[], folders: Folders, headers: HeaderCache, taken: ReadonlySet<string>, discovery: Discovery): Promise<readonly string[]> {
  const unread: string[] = [];
  const slices = new Slices();
  for (const path of candidates) {
    if (taken.has(path)) continue;
    const written = relative(folders.root, path);
    const { problems, ...found } = await take(findFiles(written, { path: written }, folders));
    if (problems.length > 0) continue;
    const known = found.format === 'gguf' ? await wholeHeaders(found.files.map((file) => file.path), folders, headers, unread) : [];
    if (slices.over) await slices.pause();
    if (known === undefined) continue;
    const quantization = known[0]?.facts.metadata?.quantization;
    const model = makeModel(nameOf(written), {}, found, 'discovered');
    discovery.add(quantization === undefined ? model : { ...model, metadata: { quantization } });
  }
  return unread;
}

function* lookFor(candidates: string[], directory: string, depth: number, folders: Folders, slices: Slices): Steps<void> {
  if (slices.overInSmallSteps) yield* wait(slices.pause());
  const listing = yield* wait(folders.list(directory));
  const finished = finishedOf(listing.names.filter((name) => !name.startsWith('.')));
  if (depth > 0 && isWholeDirectory(finished)) return void candidates.push(directory);
  for (const name of modelsIn(finished)) candidates.push(join(directory, name));
  if (depth === deepest) return;
  for (const name of listing.down) yield* lookFor(candidates, join(directory, name), depth + 1, folders, slices);
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
    const there = await take(folders.look(path));
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
