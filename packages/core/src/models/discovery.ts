// Finds models in the models directory that nobody wrote down: GGUF files, in shards too, safetensors and MLC
// directories.
import { relative, sep } from 'node:path';
import type { Discovery } from '../contract/hooks.js';
import type { FileProblem } from '../contract/models.js';
import { makeModel } from './catalog.js';
import { findFiles } from './files/find.js';
import { take, wait, type Steps } from '../kernel/steps.js';
import type { KnownFile } from './files/disk.js';
import type { Folders } from './files/folders.js';
import type { HeaderCache } from './files/header-cache.js';
import { pathIn } from './files/listing.js';
import { problemOf } from './files/model-facts.js';
import { shardName } from './files/shards.js';
import { Slices } from './slices.js';

/** Models are looked for so many levels below the models directory. */
export const deepest = 6;

/**
 * What is not offered: files whose headers must be read before it is known what they are, and why others are no models,
 * each by its path.
 */
export interface LeftOut {
  readonly unread: readonly string[];
  readonly broken: ReadonlyMap<string, string>;
}

/** The paths below the folders' root that could be models: files, and directories that are one as a whole. */
export async function findCandidates(folders: Folders): Promise<readonly string[]> {
  return take(candidatesBelow(folders, new Slices()));
}

/**
 * Offers every model of the candidates that is not `taken`, under the name of its path. A GGUF file counts only when
 * its header says that it is whole.
 */
export async function offerFolder(
  candidates: readonly string[],
  folders: Folders,
  headers: HeaderCache,
  taken: ReadonlySet<string>,
  discovery: Discovery,
): Promise<LeftOut> {
  const unread: string[] = [];
  const broken = new Map<string, string>();
  const slices = new Slices();
  for (const path of candidates) {
    if (taken.has(path)) continue;
    const written = relative(folders.root, path);
    const { problems, ...found } = await take(findFiles(written, { path: written }, folders));
    const files =
      found.format === 'gguf' && problems.length === 0
        ? await headersOf(
            found.files.map((file) => file.path),
            folders,
            headers,
          )
        : [];
    if (slices.over) await slices.pause();
    const unknown = files.filter(({ known }) => known === undefined).map((file) => file.path);
    const [problem] = [...problems, ...files.flatMap((file) => file.problem ?? [])];
    unread.push(...unknown);
    if (problem !== undefined) broken.set(problem.path ?? path, problem.message);
    if (problem !== undefined || unknown.length > 0) continue;
    const quantization = files[0]?.known?.facts.metadata?.quantization;
    const model = makeModel(nameOf(written), {}, found, 'discovered');
    discovery.add(quantization === undefined ? model : { ...model, metadata: { quantization } });
  }
  return { unread, broken };
}

/** Each directory before those below it. */
function* candidatesBelow(folders: Folders, slices: Slices): Steps<readonly string[]> {
  const candidates: string[] = [];
  const left = [{ directory: folders.root, depth: 0 }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { directory, depth } = next;
    if (slices.overInSmallSteps) yield* wait(slices.pause());
    const { isModel, models, down } = folders.known(directory) ?? (yield* wait(folders.list(directory)));
    if (isModel && depth > 0) {
      candidates.push(directory);
      continue;
    }
    for (const name of models) candidates.push(pathIn(directory, name));
    if (depth < deepest)
      for (const name of down.toReversed()) left.push({ directory: pathIn(directory, name), depth: depth + 1 });
  }
  return candidates;
}

interface Header {
  readonly path: string;
  readonly known: KnownFile | undefined;
  readonly problem: FileProblem | undefined;
}

/** The headers of files, as far as they are known, and what is wrong with the files. */
async function headersOf(paths: readonly string[], folders: Folders, headers: HeaderCache): Promise<readonly Header[]> {
  await headers.load();
  const files: Header[] = [];
  for (const path of paths) {
    const there = await take(folders.look(path));
    const known = there?.kind === 'file' ? headers.peek(path, there) : undefined;
    files.push({ path, known, problem: known && problemOf(path, known) });
  }
  return files;
}

/**
 * `org/llama/llama-q4.gguf` → `org/llama/llama-q4`; a file called as its directory has the directory's name. It depends
 * on nothing but the path.
 */
function nameOf(written: string): string {
  const parts = written.split(sep);
  const last = parts.pop()!;
  const stem = last.replace(/\.gguf$/i, '');
  const name = shardName(stem)?.prefix ?? stem;
  return parts.at(-1)?.toLowerCase() === name.toLowerCase() ? parts.join('/') : [...parts, name].join('/');
}
