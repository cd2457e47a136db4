// What the files of one model say together: its metadata, and which of them are broken.
import { basename, join } from 'node:path';
import type { FileRole, Model, ModelMetadata } from '../../contract/models.js';
import type { FileProblem } from '../../contract/models.js';
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
  const files = await headerFilesOf(model, folders);
  const read = (roles: readonly string[]) =>
    Promise.all(
      files
        .filter(({ role }) => roles.includes(role))
        .map(async ({ path }) => ({ path, ...(await headers.read(path, folders.disk)) })),
    );
  const weights = await read(['weights', 'adapter']);
  const [config] = await read(['config']);
  const [projector] = await read(['projector']);
  const broken = [...weights, ...(config === undefined ? [] : [config])].find(
    ({ header }) => header.broken !== undefined,
  );
  if (broken !== undefined) return { broken: problemOf(broken.path, broken)?.message ?? '' };
  const first = config?.header.metadata;
  const all = weights.map(({ header }, index) =>
    index === 0 && first !== undefined ? { ...header, metadata: first } : header,
  );
  return {
    metadata: combine(
      all.length === 0 && first !== undefined ? [{ metadata: first }] : all,
      projector?.header.metadata,
    ),
  };
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
  const problem = (kind: FileProblem['kind'], what: string): FileProblem => ({
    kind,
    path,
    message: `${basename(path)}: ${what}`,
  });
  if (broken !== undefined)
    return problem(
      header.unreadable === true ? 'unreadable' : header.wrongFormat === true ? 'wrong_format' : 'truncated',
      broken,
    );
  if (bytesNeeded === undefined || bytes >= bytesNeeded) return undefined;
  return problem(
    'truncated',
    `it has ${bytes} of the ${bytesNeeded} bytes that its header announces; download it again`,
  );
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
  const config = names
    .filter((name) => name === 'config.json')
    .map((name): HeaderFile => ({ path: join(path, name), role: 'config' }));
  return [
    ...config,
    ...names
      .filter((name) => formatOfName(name) === 'safetensors')
      .map((name): HeaderFile => ({ path: join(path, name), role })),
  ];
}
