// Where the files of a download are stored, and the manifest entry of the finished model.
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { BackendType } from '../contract/backends.js';
import type { ModelEntry } from '../contract/manifest.js';
import type { DownloadPlan, PlanFile } from '../contract/source.js';
import { isSafePath } from '../kernel/safe-path.js';
import { expandModelPath } from '../kernel/written-path.js';
import { sizeText } from './space.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The paths of a downloaded model. */
export interface Layout {
  /** The absolute, final path of a file. */
  target(file: PlanFile): string;
  /** The `path` of the manifest entry. */
  readonly path: string;
}

/**
 * Files are stored below a directory named after the model, or where the existing manifest entry says (`entryPath`).
 */
export function layoutOf(plan: DownloadPlan, model: string, entryPath: string | undefined, modelsDir: string): Layout {
  const isFile = entryPath !== undefined && extname(entryPath) !== '';
  const directory = resolve(modelsDir, entryPath === undefined ? model : isFile ? dirname(entryPath) : entryPath);
  const isRenamed = isFile && plan.files.length === 1 && !isShard(plan.files[0]!.path);
  const target = (file: PlanFile) => {
    if ('file' in file.from && file.from.mode === 'in-place') return file.from.file;
    return join(directory, isRenamed ? basename(entryPath) : file.path);
  };
  const main = mainFile(plan);
  const own = plan.model.path;
  const path = own !== undefined && isAbsolute(own) ? own : main === undefined ? directory : target(main);
  return { target, path: relativePath(path, modelsDir) };
}

/** The manifest entry of a finished model. Values of the existing entry win over those of the plan. */
export function entryOf(
  plan: DownloadPlan,
  layout: Layout,
  before: ModelEntry,
  bytes: number,
  digests: ReadonlyMap<string, string>,
  modelsDir: string,
  env: Environment,
): ModelEntry {
  const main = mainFile(plan) ?? (plan.files.length === 1 ? plan.files[0] : undefined);
  const digest = main === undefined ? undefined : digests.get(main.path);
  const side = (name: 'projector' | 'draft') => {
    const file = plan.files.find(({ path }) => path === plan.model[name]);
    return file === undefined ? {} : { [name]: relativePath(layout.target(file), modelsDir) };
  };
  const options = { ...plan.model.options, ...before.options };
  return {
    ...plan.model,
    ...side('projector'),
    ...side('draft'),
    ...before,
    ...(Object.keys(options).length === 0 ? {} : { options }),
    path: isSamePath(before.path, layout.path, modelsDir, env) ? before.path! : layout.path,
    size: sizeText(bytes),
    download: { ...before.download, [plan.source]: plan.reference },
    ...(digest === undefined ? {} : { digest: `sha256:${digest}` }),
    ...(plan.revision === undefined ? {} : { revision: plan.revision }),
  };
}

/** Whether an entry's path, which may have variables, is already that of the layout. */
function isSamePath(written: string | undefined, path: string, modelsDir: string, env: Environment): boolean {
  const expanded = written === undefined ? undefined : expandModelPath(written, env).path;
  return expanded !== undefined && resolve(modelsDir, expanded) === resolve(modelsDir, path);
}

/** The name of a model when neither the request nor the source gives one. */
export function nameOfPlan(plan: DownloadPlan): string {
  const file = mainFile(plan) ?? plan.files[0]!;
  return plan.name ?? basename(file.path, extname(file.path)).replace(/-\d{5}-of-\d{5}$/, '');
}

/** The first file of the weights; `undefined` when the model is a directory. */
function mainFile({ files, model }: DownloadPlan): PlanFile | undefined {
  const named = files.find(({ path }) => path === model.path);
  const ggufs = files.filter(
    ({ path }) =>
      /\.gguf$/i.test(path) && !/^mmproj/i.test(basename(path)) && path !== model.projector && path !== model.draft,
  );
  return named ?? ggufs[0] ?? (files.length === 1 ? files[0] : undefined);
}

/**
 * True for a model name that can be used as a directory. Hidden directories are excluded: Lamina keeps its own files
 * in some.
 */
export function isSafeName(name: string): boolean {
  const isHidden = name.split('/').some((part) => part.startsWith('.'));
  return isSafePath(name) && name === name.trim() && name.length <= 200 && !isHidden;
}

/** True for the directory itself and everything below it. Both paths are absolute. */
export function isWithin(directory: string, path: string): boolean {
  const below = relative(directory, path);
  return below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below);
}

function isShard(path: string): boolean {
  return /-\d{5}-of-\d{5}\./.test(path);
}

/** Relative to the models directory when the path is in it. */
function relativePath(path: string, modelsDir: string): string {
  return path === modelsDir || !isWithin(modelsDir, path) ? path : relative(modelsDir, path).split(sep).join('/');
}

/** The format that a file name shows; `undefined` for a directory or another file. */
export function formatOf(path: string): string | undefined {
  return /\.(gguf|safetensors)$/i.exec(path)?.[1]?.toLowerCase();
}

/** The backend type that supports a format, if it is the only one; among several, each start chooses. */
export function backendTypeFor(format: string | undefined, types: readonly BackendType[]): string | undefined {
  const able = types.filter(({ formats }) => format !== undefined && formats.includes(format));
  return able.length === 1 ? able[0]!.type : undefined;
}
