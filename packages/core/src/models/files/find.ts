// Finds the files of a model on disk (weights, shards, projector, draft) and what is wrong with them.
import { open } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { unlessShortage } from '../../kernel/shortage.js';
import type { ModelEntry } from '../../contract/manifest.js';
import type { FileProblem, FileRole, ModelFile } from '../../contract/models.js';
import { expandModelPath } from '../../kernel/written-path.js';
import { pathKeys } from '../manifest/rules.js';
import { formatOfName, modelsIn, projectorIn } from './file-names.js';
import type { Folders } from './folders.js';
import { shardsOf, type FoundShards } from './shards.js';

/** The files of one model. */
export interface FoundFiles {
  /** In the order of roles; absent ones have 0 bytes. */
  readonly files: readonly ModelFile[];
  readonly format: string;
  /** Why the model cannot be used; empty when it can. */
  readonly problems: readonly FileProblem[];
}

/** The files of one path of an entry. */
interface FoundPath extends Omit<FoundFiles, 'format'> {
  readonly format: string | undefined;
}

/**
 * Finds the files of an entry as it is written in the manifest, whose paths may contain `~` and `${VAR}`. One bad path
 * makes only this model unusable.
 */
export async function findEntryFiles(name: string, entry: ModelEntry, folders: Folders): Promise<FoundFiles> {
  const paths: Record<string, string> = {};
  const problems: FileProblem[] = [];
  for (const key of pathKeys) {
    const written = entry[key];
    if (written === undefined) continue;
    const { path, problem } = expandModelPath(written, folders.env);
    if (problem === undefined) paths[key] = path;
    else problems.push({ kind: 'bad_path', message: `its ${key} ${problem}` });
  }
  if (problems.length > 0) return { files: [], format: entry.format ?? 'unknown', problems };
  return findFiles(name, { ...entry, ...paths }, folders);
}

/** Finds the files an entry names; without a path they are at the model's name. */
export async function findFiles(name: string, entry: ModelEntry, folders: Folders): Promise<FoundFiles> {
  const role: FileRole = entry.base === undefined ? 'weights' : 'adapter';
  const weights = await findWeights(entry.path ?? name, role, folders);
  const format = entry.format ?? weights.format ?? 'unknown';
  const looksBeside = role === 'weights' && weights.format === 'gguf';
  const projector =
    entry.projector !== undefined
      ? await findExtra(entry.projector, 'projector', folders)
      : looksBeside
        ? await findProjector(weights.files[0]?.path, folders)
        : undefined;
  const draft = entry.draft === undefined ? undefined : await findExtra(entry.draft, 'draft', folders);
  const all = [weights, projector, draft].filter((found) => found !== undefined);
  return { files: all.flatMap(({ files }) => files), format, problems: all.flatMap(({ problems }) => problems) };
}

async function findWeights(written: string, role: FileRole, folders: Folders): Promise<FoundPath> {
  const { path, entry, refused } = await folders.locate(written);
  if (refused !== undefined) return failed({ role, path, bytes: 0 }, { kind: 'outside', message: refused });
  if (entry?.kind === 'directory') return findInDirectory(written, path, role, folders);
  const shards = await shardsOf(path, folders);
  if (shards !== undefined) return findShards(shards, role, folders);
  if (entry === undefined)
    return failed(
      { role, path, bytes: 0 },
      { kind: 'absent', path, message: `${shown(written)} ${await folders.whyAbsent(path)}` },
      formatOfName(path),
    );
  if (formatOfName(path) === 'safetensors' && (await folders.list(dirname(path))).has('config.json'))
    return findInDirectory(dirname(written), dirname(path), role, folders);
  const format = formatOfName(path) ?? (await formatOfContent(path, folders));
  const problems: readonly FileProblem[] =
    entry.bytes === 0 ? [{ kind: 'empty', path, message: `${shown(written)} is empty` }] : [];
  return { files: [{ role, path, bytes: entry.bytes }], format, problems };
}

async function findInDirectory(written: string, path: string, role: FileRole, folders: Folders): Promise<FoundPath> {
  const names = [...(await folders.list(path)).keys()];
  if (names.includes('mlc-chat-config.json')) return wholeDirectory('mlc', path, names, role, folders);
  const ggufs = modelsIn(names);
  if (ggufs.length === 1) return findWeights(join(written, ggufs[0]!), role, folders);
  const file: ModelFile = { role, path, bytes: 0 };
  const listed = `${ggufs.slice(0, 4).join(', ')}${ggufs.length > 4 ? ', …' : ''}`;
  if (ggufs.length > 1)
    return failed(
      file,
      {
        kind: 'wrong_format',
        path,
        message: `${shown(written)} holds ${ggufs.length} models (${listed}); name one of them in path`,
      },
      'gguf',
    );
  const tensors = names.filter((name) => formatOfName(name) === 'safetensors');
  if (tensors.length > 0 && (names.includes('config.json') || names.includes('adapter_config.json')))
    return wholeDirectory('safetensors', path, tensors, role, folders);
  return failed(file, {
    kind: 'wrong_format',
    path,
    message: `${shown(written)} holds no model: neither *.gguf, nor config.json with *.safetensors, nor mlc-chat-config.json`,
  });
}

/** A directory that is one model; its size is that of the named files. */
async function wholeDirectory(
  format: string,
  path: string,
  names: readonly string[],
  role: FileRole,
  folders: Folders,
): Promise<FoundPath> {
  let bytes = 0;
  for (const name of names) {
    const entry = await folders.entry(join(path, name));
    if (entry?.kind === 'file') bytes += entry.bytes;
  }
  return { files: [{ role, path, bytes }], format, problems: [] };
}

async function findShards({ paths, problem }: FoundShards, role: FileRole, folders: Folders): Promise<FoundPath> {
  const files: ModelFile[] = [];
  const problems: FileProblem[] = problem === undefined ? [] : [{ kind: 'shard_missing', message: problem }];
  for (const path of paths) {
    const entry = await folders.entry(path);
    const bytes = entry?.kind === 'file' ? entry.bytes : 0;
    if (bytes === 0 && problem === undefined)
      problems.push({ kind: 'empty', path, message: `${basename(path)} is empty` });
    files.push({ role, path, bytes });
  }
  return { format: 'gguf', files, problems };
}

async function findExtra(written: string, role: FileRole, folders: Folders): Promise<FoundPath> {
  const { files, format, problems } = await findWeights(written, role, folders);
  return {
    files,
    format,
    problems: problems.map((problem) => ({ ...problem, message: `its ${role} ${problem.message}` })),
  };
}

/** The projector next to weights; `undefined` when there is none. */
async function findProjector(weights: string | undefined, folders: Folders): Promise<FoundPath | undefined> {
  if (weights === undefined) return undefined;
  const directory = dirname(weights);
  const name = projectorIn([...(await folders.list(directory)).keys()], basename(weights));
  if (name === undefined) return undefined;
  const path = join(directory, name);
  const entry = await folders.entry(path);
  return entry?.kind === 'file' && entry.bytes > 0
    ? { files: [{ role: 'projector', path, bytes: entry.bytes }], format: 'gguf', problems: [] }
    : undefined;
}

/** Files without an extension, such as the blobs of other tools, are recognised by their first bytes. */
async function formatOfContent(path: string, folders: Folders): Promise<string | undefined> {
  const magic = await folders.disk.run(() => readMagic(path).catch(unlessShortage(undefined)));
  return magic === 'GGUF' ? 'gguf' : undefined;
}

async function readMagic(path: string): Promise<string> {
  const file = await open(path, 'r');
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0).finally(() => file.close());
  return buffer.toString('latin1');
}

function failed(file: ModelFile, problem: FileProblem, format?: string): FoundPath {
  return { files: [file], format, problems: [problem] };
}

/** A path as clients may see it: of an absolute one only the file name. */
function shown(written: string): string {
  return isAbsolute(written) ? basename(written) : written;
}
