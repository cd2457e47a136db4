// Finds the files of a model on disk: weights in one piece or in shards, projector, draft; and says what is wrong with them.
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { ModelEntry } from '../../contract/manifest.js';
import type { FileRole, ModelFile } from '../../contract/model.js';
import type { FileProblem } from '../../contract/services.js';
import { modelsIn, projectorIn } from './directory.js';
import { firstBytes, type Folders } from './folders.js';
import { formatOfName } from './format.js';
import { shardsOf } from './shards.js';

/** What a look at the disk found of one model. */
export interface FoundFiles {
  /** In the order of roles; absent ones have 0 bytes. */
  readonly files: readonly ModelFile[];
  readonly format: string;
  /** Why the model cannot be used; empty when it can. */
  readonly problems: readonly FileProblem[];
}

const noExtra: Pick<FoundFiles, 'files' | 'problems'> = { files: [], problems: [] };

type Part = Omit<FoundFiles, 'format'> & { readonly format?: string };

/** Finds the files an entry names; without a path they are at the model's name. */
export async function findFiles(name: string, entry: ModelEntry, folders: Folders): Promise<FoundFiles> {
  const role: FileRole = entry.base === undefined ? 'weights' : 'adapter';
  const weights = await findWeights(entry.path ?? name, role, folders);
  const projector = entry.projector === undefined ? noExtra : await findExtra(entry.projector, 'projector', folders);
  const draft = entry.draft === undefined ? noExtra : await findExtra(entry.draft, 'draft', folders);
  const beside = entry.projector === undefined && role === 'weights' && weights.format === 'gguf' ? await findProjector(weights.files[0]?.path, folders) : [];
  return {
    files: [...weights.files, ...beside, ...projector.files, ...draft.files],
    format: entry.format ?? weights.format ?? 'unknown',
    problems: [...weights.problems, ...projector.problems, ...draft.problems],
  };
}

async function findWeights(written: string, role: FileRole, folders: Folders): Promise<Part> {
  const { path, there, refused } = await folders.locate(written);
  if (refused !== undefined) return failed({ role, path, bytes: 0 }, { kind: 'outside', message: refused });
  if (there?.kind === 'directory') return findInDirectory(written, path, role, folders);
  const shards = await shardsOf(path, folders);
  if (shards !== undefined) return findShards(shards, role, folders);
  if (there === undefined) return { ...failed({ role, path, bytes: 0 }, { kind: 'absent', path, message: `${shown(written)} does not exist` }), ...formatPart(formatOfName(path)) };
  if (formatOfName(path) === 'safetensors' && (await folders.list(dirname(path))).has('config.json')) return findInDirectory(dirname(written), dirname(path), role, folders);
  const format = formatOfName(path) ?? (await formatOfContent(path));
  const problems: FileProblem[] = there.bytes === 0 ? [{ kind: 'empty', path, message: `${shown(written)} is empty` }] : [];
  return { files: [{ role, path, bytes: there.bytes }], ...formatPart(format), problems };
}

async function findInDirectory(written: string, path: string, role: FileRole, folders: Folders): Promise<Part> {
  const names = [...(await folders.list(path)).keys()];
  if (names.includes('mlc-chat-config.json')) return { format: 'mlc', ...(await wholeDirectory(path, names, role, folders)) };
  const ggufs = modelsIn(names);
  if (ggufs.length === 1) return findWeights(join(written, ggufs[0]!), role, folders);
  const file: ModelFile = { role, path, bytes: 0 };
  const listed = `${ggufs.slice(0, 4).join(', ')}${ggufs.length > 4 ? ', …' : ''}`;
  if (ggufs.length > 1) return { format: 'gguf', ...failed(file, { kind: 'wrong_format', path, message: `${shown(written)} holds ${ggufs.length} models (${listed}); name one of them in path` }) };
  const tensors = names.filter((name) => formatOfName(name) === 'safetensors');
  if (tensors.length > 0 && (names.includes('config.json') || names.includes('adapter_config.json'))) return { format: 'safetensors', ...(await wholeDirectory(path, tensors, role, folders)) };
  return failed(file, { kind: 'wrong_format', path, message: `${shown(written)} holds no model: neither *.gguf, nor config.json with *.safetensors, nor mlc-chat-config.json` });
}

/** A directory that an engine takes as a whole; its size is that of the named files. */
async function wholeDirectory(path: string, names: readonly string[], role: FileRole, folders: Folders): Promise<Pick<Part, 'files' | 'problems'>> {
  let bytes = 0;
  for (const name of names) {
    const there = await folders.look(join(path, name));
    if (there?.kind === 'file') bytes += there.bytes;
  }
  return { files: [{ role, path, bytes }], problems: [] };
}

async function findShards({ paths, problem }: NonNullable<Awaited<ReturnType<typeof shardsOf>>>, role: FileRole, folders: Folders): Promise<Part> {
  const files: ModelFile[] = [];
  const problems: FileProblem[] = problem === undefined ? [] : [{ kind: 'shard_missing', message: problem }];
  for (const path of paths) {
    const there = await folders.look(path);
    const bytes = there?.kind === 'file' ? there.bytes : 0;
    if (bytes === 0 && problem === undefined) problems.push({ kind: 'empty', path, message: `${basename(path)} is empty` });
    files.push({ role, path, bytes });
  }
  return { format: 'gguf', files, problems };
}

async function findExtra(written: string, role: FileRole, folders: Folders): Promise<Pick<Part, 'files' | 'problems'>> {
  const { files, problems } = await findWeights(written, role, folders);
  return { files, problems: problems.map((problem) => ({ ...problem, message: `its ${role} ${problem.message}` })) };
}

async function findProjector(weights: string | undefined, folders: Folders): Promise<readonly ModelFile[]> {
  if (weights === undefined) return [];
  const name = projectorIn([...(await folders.list(dirname(weights))).keys()], basename(weights));
  if (name === undefined) return [];
  const path = join(dirname(weights), name);
  const there = await folders.look(path);
  return there?.kind === 'file' && there.bytes > 0 ? [{ role: 'projector', path, bytes: there.bytes }] : [];
}

/** Files without a telling name, such as the blobs of other tools, are known by their first bytes. */
async function formatOfContent(path: string): Promise<string | undefined> {
  const magic = await firstBytes(path, 4).catch(() => Buffer.alloc(0));
  return magic.toString('latin1') === 'GGUF' ? 'gguf' : undefined;
}

function failed(file: ModelFile, problem: FileProblem): Pick<Part, 'files' | 'problems'> {
  return { files: [file], problems: [problem] };
}

function formatPart(format: string | undefined): { format?: string } {
  return format === undefined ? {} : { format };
}

/** A path as its author may read it; of an absolute one only the end, as clients see it too. */
function shown(written: string): string {
  return isAbsolute(written) ? basename(written) : written;
}
