// Finds the files of a model on disk: weights in one piece or in shards, projector, draft; and says what is wrong with
// them.
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { ModelEntry } from '../../contract/manifest.js';
import type { FileRole, ModelFile } from '../../contract/models.js';
import type { FileProblem } from '../../contract/models.js';
import { wait, type Steps } from '../../kernel/steps.js';
import { modelsIn, projectorIn } from './directory.js';
import { firstBytes, type Folders } from './folders.js';
import { formatOfName } from './format.js';
import { shardsOf, type FoundShards } from './shards.js';

/** What a look at the disk found of one model. */
export interface FoundFiles {
  /** In the order of roles; absent ones have 0 bytes. */
  readonly files: readonly ModelFile[];
  readonly format: string;
  /** Why the model cannot be used; empty when it can. */
  readonly problems: readonly FileProblem[];
}

/** What was found of one thing an entry names. */
interface Part extends Omit<FoundFiles, 'format'> {
  readonly format: string | undefined;
}

const noProblems: readonly FileProblem[] = Object.freeze([]);

/** Finds the files an entry names; without a path they are at the model's name. */
export function* findFiles(name: string, entry: ModelEntry, folders: Folders): Steps<FoundFiles> {
  const role: FileRole = entry.base === undefined ? 'weights' : 'adapter';
  const weights = yield* findWeights(entry.path ?? name, role, folders);
  const format = entry.format ?? weights.format ?? 'unknown';
  const looksBeside = role === 'weights' && weights.format === 'gguf';
  const projector =
    entry.projector !== undefined
      ? yield* findExtra(entry.projector, 'projector', folders)
      : looksBeside
        ? yield* findProjector(weights.files[0]?.path, folders)
        : undefined;
  const draft = entry.draft === undefined ? undefined : yield* findExtra(entry.draft, 'draft', folders);
  if (projector === undefined && draft === undefined)
    return { files: weights.files, format, problems: weights.problems };
  const all = [weights, projector, draft].filter((part) => part !== undefined);
  return { files: all.flatMap(({ files }) => files), format, problems: all.flatMap(({ problems }) => problems) };
}

function* findWeights(written: string, role: FileRole, folders: Folders): Steps<Part> {
  const { path, there, refused } = yield* folders.locate(written);
  if (refused !== undefined) return failed({ role, path, bytes: 0 }, { kind: 'outside', message: refused });
  if (there?.kind === 'directory') return yield* findInDirectory(written, path, role, folders);
  const shards = yield* shardsOf(path, folders);
  if (shards !== undefined) return yield* findShards(shards, role, folders);
  if (there === undefined)
    return failed(
      { role, path, bytes: 0 },
      { kind: 'absent', path, message: `${shown(written)} does not exist` },
      formatOfName(path),
    );
  if (
    formatOfName(path) === 'safetensors' &&
    (yield* wait(folders.list(dirname(path)))).get('config.json') !== undefined
  )
    return yield* findInDirectory(dirname(written), dirname(path), role, folders);
  const format = formatOfName(path) ?? (yield* wait(formatOfContent(path)));
  const problems: readonly FileProblem[] =
    there.bytes === 0 ? [{ kind: 'empty', path, message: `${shown(written)} is empty` }] : noProblems;
  return { files: [{ role, path, bytes: there.bytes }], format, problems };
}

function* findInDirectory(written: string, path: string, role: FileRole, folders: Folders): Steps<Part> {
  const { names } = yield* wait(folders.list(path));
  if (names.includes('mlc-chat-config.json')) return yield* wholeDirectory('mlc', path, names, role, folders);
  const ggufs = modelsIn(names);
  if (ggufs.length === 1) return yield* findWeights(join(written, ggufs[0]!), role, folders);
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
    return yield* wholeDirectory('safetensors', path, tensors, role, folders);
  return failed(file, {
    kind: 'wrong_format',
    path,
    message: `${shown(written)} holds no model: neither *.gguf, nor config.json with *.safetensors, nor mlc-chat-config.json`,
  });
}

/** A directory that an engine takes as a whole; its size is that of the named files. */
function* wholeDirectory(
  format: string,
  path: string,
  names: readonly string[],
  role: FileRole,
  folders: Folders,
): Steps<Part> {
  let bytes = 0;
  for (const name of names) {
    const there = yield* folders.look(join(path, name));
    if (there?.kind === 'file') bytes += there.bytes;
  }
  return { files: [{ role, path, bytes }], format, problems: noProblems };
}

function* findShards({ paths, problem }: FoundShards, role: FileRole, folders: Folders): Steps<Part> {
  const files: ModelFile[] = [];
  const problems: FileProblem[] = problem === undefined ? [] : [{ kind: 'shard_missing', message: problem }];
  for (const path of paths) {
    const there = yield* folders.look(path);
    const bytes = there?.kind === 'file' ? there.bytes : 0;
    if (bytes === 0 && problem === undefined)
      problems.push({ kind: 'empty', path, message: `${basename(path)} is empty` });
    files.push({ role, path, bytes });
  }
  return { format: 'gguf', files, problems };
}

function* findExtra(written: string, role: FileRole, folders: Folders): Steps<Part> {
  const { files, format, problems } = yield* findWeights(written, role, folders);
  return {
    files,
    format,
    problems: problems.map((problem) => ({ ...problem, message: `its ${role} ${problem.message}` })),
  };
}

/** The projector beside weights; `undefined` when there is none. */
function* findProjector(weights: string | undefined, folders: Folders): Steps<Part | undefined> {
  if (weights === undefined) return undefined;
  const directory = dirname(weights);
  const { names } = folders.known(directory) ?? (yield* wait(folders.list(directory)));
  const name = projectorIn(names, basename(weights));
  if (name === undefined) return undefined;
  const path = join(directory, name);
  const there = yield* folders.look(path);
  return there?.kind === 'file' && there.bytes > 0
    ? { files: [{ role: 'projector', path, bytes: there.bytes }], format: 'gguf', problems: noProblems }
    : undefined;
}

/** Files without a telling name, such as the blobs of other tools, are known by their first bytes. */
async function formatOfContent(path: string): Promise<string | undefined> {
  const magic = await firstBytes(path, 4).catch(() => Buffer.alloc(0));
  return magic.toString('latin1') === 'GGUF' ? 'gguf' : undefined;
}

function failed(file: ModelFile, problem: FileProblem, format?: string): Part {
  return { files: [file], format, problems: [problem] };
}

/** A path as its author may read it; of an absolute one only the end, as clients see it too. */
function shown(written: string): string {
  return isAbsolute(written) ? basename(written) : written;
}
