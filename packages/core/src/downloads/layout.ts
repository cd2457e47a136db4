// Where the files of a plan come to lie, and what the manifest says of them.
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { ModelEntry } from '../contract/manifest.js';
import type { DownloadPlan, PlanFile } from '../contract/source.js';
import { sizeText } from './size-text.js';

/** A plan and what it becomes. */
export interface Layout {
  /** Absolute: where the file is in the end. */
  target(file: PlanFile): string;
  /** What `path` of the entry says. */
  readonly path: string;
}

/**
 * The layout of a model. Its files go below its name; when its entry writes a path already, there. `written` is that
 * path.
 */
export function layoutOf(plan: DownloadPlan, model: string, written: string | undefined, modelsDir: string): Layout {
  const named = written !== undefined && extname(written) !== '';
  const directory = resolve(modelsDir, written === undefined ? model : named ? dirname(written) : written);
  const renamed = named && plan.files.length === 1 && !isShard(plan.files[0]!.path);
  const target = (file: PlanFile) => {
    if ('file' in file.from && file.from.mode === 'in-place') return file.from.file;
    return join(directory, renamed ? basename(written) : file.path);
  };
  const main = mainFile(plan);
  const own = plan.model.path;
  const path = own !== undefined && isAbsolute(own) ? own : main === undefined ? directory : target(main);
  return { target, path: shown(path, modelsDir) };
}

/** The entry of a finished model: what was written stays, then what the plan says, and where and what it is. */
export function entryOf(
  plan: DownloadPlan,
  layout: Layout,
  before: ModelEntry,
  bytes: number,
  digests: ReadonlyMap<string, string>,
  modelsDir: string,
): ModelEntry {
  const main = mainFile(plan) ?? (plan.files.length === 1 ? plan.files[0] : undefined);
  const digest = main === undefined ? undefined : digests.get(main.path);
  const side = (name: 'projector' | 'draft') => {
    const file = plan.files.find(({ path }) => path === plan.model[name]);
    return file === undefined ? {} : { [name]: shown(layout.target(file), modelsDir) };
  };
  const options = { ...plan.model.options, ...before.options };
  return {
    ...plan.model,
    ...side('projector'),
    ...side('draft'),
    ...before,
    ...(Object.keys(options).length === 0 ? {} : { options }),
    path: layout.path,
    size: sizeText(bytes),
    download: { ...before.download, [plan.source]: plan.reference },
    ...(digest === undefined ? {} : { digest: `sha256:${digest}` }),
    ...(plan.revision === undefined ? {} : { revision: plan.revision }),
  };
}

/** What a model is called when neither its requester nor its source says. */
export function nameOfPlan(plan: DownloadPlan): string {
  const file = mainFile(plan) ?? plan.files[0]!;
  return plan.name ?? basename(file.path, extname(file.path)).replace(/-\d{5}-of-\d{5}$/, '');
}

/** The first file of the weights; `undefined` when the directory is the model. */
function mainFile({ files, model }: DownloadPlan): PlanFile | undefined {
  const named = files.find(({ path }) => path === model.path);
  const ggufs = files.filter(
    ({ path }) =>
      /\.gguf$/i.test(path) && !/^mmproj/i.test(basename(path)) && path !== model.projector && path !== model.draft,
  );
  return named ?? ggufs[0] ?? (files.length === 1 ? files[0] : undefined);
}

/** True for a path below its directory, as a plan must write it. */
export function isSafePath(path: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const isPlain = !isAbsolute(path) && !/[\u0000-\u001f\u007f\\]/.test(path) && path.length <= 1000;
  return isPlain && path.split('/').every(isSafePart);
}

/**
 * True for a name that the manifest takes and that may become a directory: not a hidden one, where Lamina keeps its
 * own files.
 */
export function isSafeName(name: string): boolean {
  const isHidden = name.split('/').some((part) => part.startsWith('.'));
  return isSafePath(name) && name === name.trim() && name.length <= 200 && !isHidden;
}

/** True for a directory itself and for what is below it. Absolute paths. */
export function isWithin(directory: string, path: string): boolean {
  const below = relative(directory, path);
  return below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below);
}

/** No system gives these names to a file: they are devices on Windows, and a file system may be shared with it. */
function isSafePart(part: string): boolean {
  const isDevice = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(part);
  return part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 255 && !isDevice;
}

function isShard(path: string): boolean {
  return /-\d{5}-of-\d{5}\./.test(path);
}

/** Relative to the models directory where it is in there. */
function shown(path: string, modelsDir: string): string {
  return path === modelsDir || !isWithin(modelsDir, path) ? path : relative(modelsDir, path).split(sep).join('/');
}
