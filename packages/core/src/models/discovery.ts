// Finds models that are not in the manifest: GGUF files, safetensors and MLC directories in the models directory.
import { join, relative, sep } from 'node:path';
import type { Discovery } from '../contract/hooks.js';
import { makeModel } from './catalog.js';
import { problemOf } from './files/describe.js';
import { finishedNames, isOneModel, modelsIn } from './files/file-names.js';
import { findFiles } from './files/find.js';
import { isWithin, type Folders } from './files/folders.js';
import { shardName } from './files/shards.js';
import type { HeaderCache, KnownFile } from './headers/header-cache.js';

/** Models are searched so many levels below the models directory. */
const deepest = 6;
/** Directories that one link may add: it could lead to a whole disk. */
const mostLinked = 10_000;

/** What is not offered. */
interface NotOffered {
  /** Files whose headers must be read first. */
  readonly unread: readonly string[];
  /** File → why it is not a model. */
  readonly broken: ReadonlyMap<string, string>;
}

/** A directory to search. */
interface SearchedDirectory {
  readonly path: string;
  /** Its path without links. */
  readonly real: string;
  readonly depth: number;
}

/** A directory that a link leads to. */
type Link = Omit<SearchedDirectory, 'real'>;

/**
 * Finds the paths that could be models: GGUF files, and directories that are one model. Links are followed, but every
 * directory is searched once: in the models directory, else below the first link to it.
 */
class Search {
  readonly candidates: string[] = [];
  /** Links to more directories than are searched. */
  readonly tooLarge = new Set<string>();
  private readonly searched = new Set<string>();

  constructor(private readonly folders: Folders) {}

  async run(): Promise<void> {
    const { root } = this.folders;
    const realRoot = (await this.folders.realPath(root)) ?? root;
    const links = [...(await this.searchBelow({ path: root, real: realRoot, depth: 0 }, Infinity))];
    for (const link of links) {
      const real = await this.folders.realPath(link.path);
      // A link to a directory above would offer everything around the models directory.
      if (real === undefined || isWithin(real, realRoot)) continue;
      const limit = this.searched.size + mostLinked;
      links.push(...(await this.searchBelow({ ...link, real }, limit)));
      if (this.searched.size === limit) this.tooLarge.add(link.path);
    }
  }

  /** Searches until `limit` directories are searched in all; returns the links to directories. */
  private async searchBelow({ path, real, depth }: SearchedDirectory, limit: number): Promise<readonly Link[]> {
    if (this.searched.has(real) || this.searched.size >= limit) return [];
    this.searched.add(real);
    const listing = await this.folders.list(path);
    const names = finishedNames([...listing.keys()]);
    if (depth > 0 && isOneModel(names)) {
      this.candidates.push(path);
      return [];
    }
    this.candidates.push(...modelsIn(names).map((name) => join(path, name)));
    if (depth === deepest) return [];
    const below = [...listing].filter(([name, { kind }]) => kind === 'directory' && !name.startsWith('.'));
    const found = below.map(async ([name, { isLink }]) => {
      const next = { path: join(path, name), depth: depth + 1 };
      return isLink ? [next] : this.searchBelow({ ...next, real: join(real, name) }, limit);
    });
    return (await Promise.all(found)).flat();
  }
}

/**
 * Offers every candidate that is not `taken`, named by its path. A GGUF file is offered once its header is known and
 * says that the file is complete.
 */
export async function offerCandidates(
  folders: Folders,
  headers: HeaderCache,
  taken: ReadonlySet<string>,
  discovery: Discovery,
): Promise<NotOffered> {
  const unread: string[] = [];
  const broken = new Map<string, string>();
  const search = new Search(folders);
  await search.run();
  for (const path of search.tooLarge)
    broken.set(path, `it links to more than ${mostLinked} folders; the others are not searched`);
  for (const path of search.candidates.sort()) {
    if (taken.has(path)) continue;
    const written = relative(folders.root, path);
    const { problems, ...found } = await findFiles(written, { path: written }, folders);
    const paths = found.format === 'gguf' && problems.length === 0 ? found.files.map((file) => file.path) : [];
    const files = await knownFiles(paths, folders, headers);
    const [problem] = [...problems, ...[...files].flatMap(([file, known]) => (known && problemOf(file, known)) ?? [])];
    const unknown = paths.filter((file) => files.get(file) === undefined);
    unread.push(...unknown);
    if (problem !== undefined) broken.set(problem.path ?? path, problem.message);
    if (problem !== undefined || unknown.length > 0) continue;
    const quantization = files.get(paths[0]!)?.header.metadata?.quantization;
    const model = makeModel(nameOf(written), {}, found, 'discovered');
    discovery.add(quantization === undefined ? model : { ...model, metadata: { quantization } });
  }
  return { unread, broken };
}

/** The files with their cached headers. */
async function knownFiles(
  paths: readonly string[],
  folders: Folders,
  headers: HeaderCache,
): Promise<ReadonlyMap<string, KnownFile | undefined>> {
  if (paths.length > 0) await headers.load();
  const files = new Map<string, KnownFile | undefined>();
  for (const path of paths) {
    const entry = await folders.entry(path);
    files.set(path, entry?.kind === 'file' ? headers.peek(path, entry) : undefined);
  }
  return files;
}

/** `org/llama/llama-q4.gguf` → `org/llama/llama-q4`; a file named like its directory has the directory's name. */
function nameOf(written: string): string {
  const parts = written.split(sep);
  const last = parts.pop()!;
  const stem = last.replace(/\.gguf$/i, '');
  const name = shardName(stem)?.prefix ?? stem;
  return parts.at(-1)?.toLowerCase() === name.toLowerCase() ? parts.join('/') : [...parts, name].join('/');
}
