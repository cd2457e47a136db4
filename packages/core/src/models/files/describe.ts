// What the files of one model say together: its metadata, and which of them are broken.
import { basename, join } from 'node:path';
import type { FileProblem, FileRole, Model, ModelMetadata } from '../../contract/models.js';
import type { Folders } from './folders.js';
import { formatOfName } from './file-names.js';
import type { HeaderCache, KnownFile } from '../headers/header-cache.js';
import { combine } from '../headers/metadata.js';

type ModelFiles = Pick<Model, 'format' | 'files'>;

/** A file whose header is read. */
interface HeaderFile {
  readonly path: string;
  readonly role: FileRole | 'config';
}

/** Metadata, or why there is none. */
type Description =
  | { readonly metadata: ModelMetadata; readonly broken?: never }
  | { readonly metadata?: never; readonly broken: string };

/** Reads the metadata in a model's files; formats that core does not know have none. */
export async function describeFiles(model: ModelFiles, folders: Folders, headers: HeaderCache): Promise<Description> {
  const files = await Promise.all(
    (await headerFilesOf(model, folders)).map(async ({ path, role }) => {
      return { path, role, ...(await headers.read(path, folders.disk)) };
    }),
  );
  const of = (...roles: readonly string[]) => files.filter(({ role }) => roles.includes(role));
  const broken = of('weights', 'adapter', 'config').find(({ header }) => header.broken !== undefined);
  if (broken !== undefined) return { broken: problemOf(broken.path, broken)?.message ?? '' };
  const weights = of('weights', 'adapter').map(({ header }) => header);
  const [config] = of('config');
  if (config?.header.metadata !== undefined) weights[0] = { ...weights[0], metadata: config.header.metadata };
  return { metadata: combine(weights, of('projector')[0]?.header.metadata, of('draft')[0]?.header.metadata) };
}

/** What is wrong with the existing files of a model: truncated, of another format, unreadable. */
export async function fileProblems(
  model: ModelFiles,
  folders: Folders,
  headers: HeaderCache,
): Promise<readonly FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const { path } of await headerFilesOf(model, folders)) {
    const problem = problemOf(path, await headers.read(path, folders.disk));
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** True for formats whose headers are read. */
export function hasHeaders({ format }: ModelFiles): boolean {
  return format === 'gguf' || format === 'safetensors' || format === 'mlc';
}

/** What is wrong with a file by its header. */
export function problemOf(path: string, { header, bytes }: KnownFile): FileProblem | undefined {
  const { broken, bytesNeeded } = header;
  const isShort = bytesNeeded !== undefined && bytes < bytesNeeded;
  const short = `it has ${bytes} of the ${bytesNeeded} bytes that its header announces; download it again`;
  const what = broken ?? (isShort ? short : undefined);
  if (what === undefined) return undefined;
  const kind = header.unreadable === true ? 'unreadable' : header.wrongFormat === true ? 'wrong_format' : 'truncated';
  return { kind, path, message: `${basename(path)}: ${what}` };
}

async function headerFilesOf({ format, files }: ModelFiles, folders: Folders): Promise<readonly HeaderFile[]> {
  const found: HeaderFile[] = [];
  for (const { path, role } of files) {
    const isWeights = role === 'weights' || role === 'adapter';
    if (format === 'gguf' || (!isWeights && formatOfName(path) !== undefined)) found.push({ path, role });
    else if (format === 'mlc' && isWeights) found.push({ path: join(path, 'mlc-chat-config.json'), role: 'config' });
    else if (format === 'safetensors' && isWeights) found.push(...(await tensorFilesOf(path, role, folders)));
  }
  return found;
}

async function tensorFilesOf(path: string, role: FileRole, folders: Folders): Promise<readonly HeaderFile[]> {
  if (formatOfName(path) === 'safetensors') return [{ path, role }];
  const names = [...(await folders.list(path)).keys()];
  return names
    .filter((name) => name === 'config.json' || formatOfName(name) === 'safetensors')
    .map((name) => ({ path: join(path, name), role: name === 'config.json' ? 'config' : role }));
}
