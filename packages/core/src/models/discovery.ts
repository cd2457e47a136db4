// Finds models that are not in the manifest: GGUF files, safetensors and MLC directories below the models directory.
import { join, relative, sep } from 'node:path';
import type { Discovery } from '../contract/hooks.js';
import { makeModel } from './catalog.js';
import { problemOf } from './files/describe.js';
import { finishedNames, isOneModel, modelsIn } from './files/file-names.js';
import { findFiles } from './files/find.js';
import type { Folders } from './files/folders.js';
import { shardName } from './files/shards.js';
import type { HeaderCache, KnownFile } from './headers/header-cache.js';

/** Models are searched so many levels below the models directory. */
const deepest = 6;

/** What is not offered. */
interface NotOffered {
  /** Files whose headers must be read first. */
  readonly unread: readonly string[];
  /** File → why it is not a model. */
  readonly broken: ReadonlyMap<string, string>;
}

/** The paths that could be models: GGUF files, and directories that are one model. Links are not followed. */
async function findCandidates(folders: Folders, directory = folders.root, depth = 0): Promise<readonly string[]> {
  const listing = await folders.list(directory);
  const names = finishedNames([...listing.keys()]);
  if (depth > 0 && isOneModel(names)) return [directory];
  const models = modelsIn(names).map((name) => join(directory, name));
  if (depth === deepest) return models;
  const below = [...listing].filter(
    ([name, { kind, isLink }]) => kind === 'directory' && !isLink && !name.startsWith('.'),
  );
  const found = below.map(([name]) => findCandidates(folders, join(directory, name), depth + 1));
  return [...models, ...(await Promise.all(found)).flat()];
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
  for (const path of await findCandidates(folders)) {
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
