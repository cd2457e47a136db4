// What all files of one model tell together: its metadata, and what is wrong with them beyond being absent.
import { basename, join } from 'node:path';
import type { FileRole, Model, ModelMetadata } from '../../contract/models.js';
import type { FileProblem } from '../../contract/models.js';
import { take, wait, type Steps } from '../../kernel/steps.js';
import type { KnownFile } from './disk.js';
import type { Folders } from './folders.js';
import { formatOfName } from './format.js';
import type { HeaderCache } from './header-cache.js';
import { combine } from './metadata.js';

type Files = Pick<Model, 'format' | 'files'>;

/** A file whose header, or content, tells something. */
interface Part {
  readonly path: string;
  readonly role: FileRole | 'config';
}

/** Metadata, or why there is none. */
export type Description =
  | { readonly metadata: ModelMetadata; readonly broken?: never }
  | { readonly metadata?: never; readonly broken: string };

/** Reads what a model's files tell; a format that core does not know tells nothing. */
export async function describeFiles(model: Files, folders: Folders, cache: HeaderCache): Promise<Description> {
  const parts = await take(partsOf(model, folders));
  const read = (roles: readonly string[]) =>
    Promise.all(
      parts.filter(({ role }) => roles.includes(role)).map(async ({ path }) => ({ path, ...(await cache.read(path)) })),
    );
  const weights = await read(['weights', 'adapter']);
  const [config] = await read(['config']);
  const [projector] = await read(['projector']);
  const broken = [...weights, ...(config === undefined ? [] : [config])].find(
    ({ facts }) => facts.broken !== undefined,
  );
  if (broken !== undefined) return { broken: problemOf(broken.path, broken)?.message ?? '' };
  const first = config?.facts.metadata;
  const all = weights.map(({ facts }, index) =>
    index === 0 && first !== undefined ? { ...facts, metadata: first } : facts,
  );
  return {
    metadata: combine(all.length === 0 && first !== undefined ? [{ metadata: first }] : all, projector?.facts.metadata),
  };
}

/** What is wrong with the files of a model that are there: truncated, not what their suffix says, unreadable. */
export function* fileProblems(model: Files, folders: Folders, cache: HeaderCache): Steps<readonly FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const { path } of yield* partsOf(model, folders)) {
    const problem = problemOf(path, yield* wait(cache.read(path)));
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** True for formats whose files are looked into. */
export function hasHeaders({ format }: Files): boolean {
  return format === 'gguf' || format === 'safetensors' || format === 'mlc';
}

/** What the facts say is wrong with a file. */
export function problemOf(path: string, { facts, bytes }: KnownFile): FileProblem | undefined {
  const { broken, bytesNeeded } = facts;
  const tell = (kind: FileProblem['kind'], what: string): FileProblem => ({
    kind,
    path,
    message: `${basename(path)}: ${what}`,
  });
  if (broken !== undefined)
    return tell(
      facts.unreadable === true ? 'unreadable' : facts.wrongFormat === true ? 'wrong_format' : 'truncated',
      broken,
    );
  if (bytesNeeded === undefined || bytes >= bytesNeeded) return undefined;
  return tell('truncated', `it has ${bytes} of the ${bytesNeeded} bytes that its header tells of; get it again`);
}

function* partsOf({ format, files }: Files, folders: Folders): Steps<readonly Part[]> {
  const parts: Part[] = [];
  for (const { path, role } of files) {
    const isWeights = role === 'weights' || role === 'adapter';
    if (format === 'gguf' || (!isWeights && formatOfName(path) !== undefined)) parts.push({ path, role });
    else if (format === 'mlc' && isWeights) parts.push({ path: join(path, 'mlc-chat-config.json'), role: 'config' });
    else if (format === 'safetensors' && isWeights) parts.push(...(yield* tensorParts(path, role, folders)));
  }
  return parts;
}

function* tensorParts(path: string, role: FileRole, folders: Folders): Steps<readonly Part[]> {
  if (formatOfName(path) === 'safetensors') return [{ path, role }];
  const { names } = yield* wait(folders.list(path));
  const config = names
    .filter((name) => name === 'config.json')
    .map((name): Part => ({ path: join(path, name), role: 'config' }));
  return [
    ...config,
    ...names
      .filter((name) => formatOfName(name) === 'safetensors')
      .map((name): Part => ({ path: join(path, name), role })),
  ];
}
