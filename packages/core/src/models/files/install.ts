// Installs model files that are on this machine into the models directory.
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { LaminaError } from '../../contract/errors.js';
import { reasonOf } from '../../kernel/reason.js';
import { expandModelPath } from '../../kernel/written-path.js';
import { removeTemporaryFiles, withTemporaryFile } from '../../kernel/atomic-write.js';
import { usableBytes } from '../../kernel/disk-space.js';
import { unlessShortage } from '../../kernel/shortage.js';
import type { Disk } from './disk.js';
import { findFiles } from './find.js';
import { Folders, isWithin } from './folders.js';

/** What to install, and how. */
export interface Installation {
  readonly name: string;
  /** Absolute. */
  readonly source: string;
  /** The path in the model's entry, if there is one. */
  readonly written: string | undefined;
  /** The environment that it may use. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly modelsDir: string;
  readonly disk: Disk;
  readonly mode: 'link' | 'copy';
  readonly signal: AbortSignal;
}

/** The result. */
export interface Installed {
  /** The `path` for the entry. */
  readonly path: string;
  /** Removes what was installed. */
  undo(): Promise<void>;
}

/**
 * Links or copies the files to their place.
 * @throws LaminaError `REQUEST_INVALID`, `CONFLICT`, `DISK_FULL`, `ABORTED`; no files are left then
 */
export async function installFiles(installation: Installation): Promise<Installed> {
  const { name, source, modelsDir, written, env, signal, disk } = installation;
  const files = await filesToInstall(name, source, disk);
  if (isWithin(modelsDir, source)) return { path: relative(modelsDir, source), undo: () => Promise.resolve() };
  const isDirectory = files.some(({ from }) => from !== source && dirname(from) === source);
  const wanted = written === undefined ? undefined : expandModelPath(written, env);
  if (wanted?.problem !== undefined)
    throw new LaminaError('CONFLICT', { message: `The path of "${name}" ${wanted.problem}.` });
  const target = targetOf({ ...installation, written: wanted?.path }, isDirectory);
  const directory = isDirectory ? target : dirname(target);
  if (!isWithin(modelsDir, directory) && written === undefined)
    throw new LaminaError('REQUEST_INVALID', {
      message: `The name "${name}" leads out of the models directory.`,
      param: 'name',
    });
  const rollback = new Rollback();
  try {
    await rollback.makeDirectory(directory, modelsDir);
    await removeTemporaryFiles(directory); // Of an installation that was killed.
    for (const { from, bytes } of files) {
      signal.throwIfAborted();
      await linkOrCopy(from, from === source ? target : join(directory, basename(from)), bytes, installation, rollback);
    }
  } catch (error) {
    await rollback.undo();
    if (signal.aborted && !LaminaError.is(error)) throw new LaminaError('ABORTED', {}, { cause: error });
    throw LaminaError.is(error)
      ? error
      : new LaminaError(
          'CONFLICT',
          { message: `The files of "${name}" cannot be put into the models directory: ${reasonOf(error)}.` },
          { cause: error },
        );
  }
  const path = isWithin(modelsDir, target) ? relative(modelsDir, target) : target;
  // An entry keeps its path as it is written, with variables.
  const isAsWritten = wanted !== undefined && resolve(modelsDir, wanted.path) === target;
  return { path: isAsWritten ? written! : path, undo: () => rollback.undo() };
}

/** The source's files: all shards and the projector next to it; of a directory the files directly in it. */
async function filesToInstall(
  name: string,
  source: string,
  disk: Disk,
): Promise<readonly { from: string; bytes: number }[]> {
  const folders = new Folders(dirname(source), disk);
  const { files, problems } = await findFiles(name, { path: source }, folders);
  if (problems.length > 0)
    throw new LaminaError('REQUEST_INVALID', {
      message: `${source} cannot be installed: ${problems.map(({ message }) => message).join('; ')}.`,
      param: 'path',
    });
  const sources: { from: string; bytes: number }[] = [];
  for (const { path } of files) {
    const names = (await stat(path)).isDirectory() ? await filesIn(path, folders) : [path];
    for (const from of names) sources.push({ from, bytes: (await stat(from)).size });
  }
  return sources;
}

async function filesIn(directory: string, folders: Folders): Promise<readonly string[]> {
  return [...(await folders.list(directory))]
    .filter(([name, { kind }]) => kind !== 'directory' && !name.startsWith('.'))
    .map(([name]) => join(directory, name));
}

/** Where the source goes: to the path in its entry, else below the model's name. Shards keep their names. */
function targetOf({ name, source, written, modelsDir }: Installation, isDirectory: boolean): string {
  if (written === undefined) return isDirectory ? join(modelsDir, name) : join(modelsDir, name, basename(source));
  const target = resolve(modelsDir, written);
  if (isDirectory) return target;
  const keepsName = /-\d{5}-of-\d{5}/.test(basename(source)) || !/\.[a-z]+$/i.test(target);
  if (!keepsName) return target;
  return join(/\.[a-z]+$/i.test(target) ? dirname(target) : target, basename(source));
}

async function linkOrCopy(
  from: string,
  to: string,
  bytes: number,
  { mode, signal }: Installation,
  rollback: Rollback,
): Promise<void> {
  if (mode === 'link') {
    // A hard link to a symbolic link would be another symbolic link, which may lead nowhere from there.
    const refused = await link(await realpath(from), to).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
    );
    if (refused === undefined) return rollback.add(to);
    if (refused === 'EEXIST') throw occupied(to);
  }
  await requireSpace(dirname(to), bytes);
  if (await stat(to).catch(unlessShortage(undefined))) throw occupied(to);
  await withTemporaryFile(to, async (temporary) => {
    await pipeline(createReadStream(from), createWriteStream(temporary, { flags: 'wx' }), { signal });
    await rename(temporary, to);
  });
  rollback.add(to);
}

function occupied(path: string): LaminaError {
  return new LaminaError('CONFLICT', {
    message: `${path} already exists and will not be overwritten. Move it away, or choose another name.`,
  });
}

async function requireSpace(directory: string, bytes: number): Promise<void> {
  const lacking = bytes - (await usableBytes(directory));
  if (lacking <= 0) return;
  const reason = `${(lacking / 1e9).toFixed(1)} GB more is needed`;
  throw new LaminaError('DISK_FULL', { path: directory, reason, needed_bytes: lacking });
}

/** What an installation made, so that it can be undone. */
class Rollback {
  private readonly files: string[] = [];
  private readonly directories: string[] = [];

  add(file: string): void {
    this.files.push(file);
  }

  async makeDirectory(directory: string, stopAt: string): Promise<void> {
    const first = await mkdir(directory, { recursive: true });
    for (let made = directory; first !== undefined && isWithin(first, made) && made !== stopAt; made = dirname(made))
      this.directories.push(made);
  }

  async undo(): Promise<void> {
    for (const file of this.files) await rm(file, { force: true });
    for (const directory of this.directories) await rmdir(directory).catch(() => undefined);
  }
}
