// Deletes the files of a model: those that belong to it, are in the models directory and are used by no other model.
import { lstat, readdir, realpath, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { reasonOf } from '../../kernel/reason.js';
import type { Model } from '../../contract/models.js';
import type { ModelRecord, RemovedModel } from '../../contract/models.js';
import { isFileOf } from './directory.js';
import { isWithin } from './folders.js';

/** The most names of files that a sentence lists. */
const mostNames = 4;

/** Deletes what may be deleted and says of the rest why it stays. Directories that become empty go too. */
export async function removeFiles(
  model: Model,
  records: readonly ModelRecord[],
  modelsDir: string,
): Promise<RemovedModel> {
  const root = await realpath(modelsDir).catch(() => modelsDir);
  const removal = new Removal(modelsDir, root, await usersOf(records, model.name));
  for (const path of new Set(model.files.map((file) => file.path))) await removal.remove(path, model.format);
  return { deleted: removal.deleted, kept: removal.kept };
}

/** Path of a file, or of a directory that is a model as a whole, without links → the model that uses it. */
type Users = ReadonlyMap<string, Model>;

class Removal {
  readonly deleted: string[] = [];
  readonly kept: string[] = [];

  constructor(
    private readonly modelsDir: string,
    /** The real path of the models directory. */
    private readonly root: string,
    private readonly users: Users,
  ) {}

  async remove(path: string, format: string): Promise<void> {
    const there = await lstat(path).catch(() => undefined);
    if (there === undefined) return;
    if (there.isDirectory()) await this.removeFrom(path, format);
    else await this.removeFile(path);
  }

  /** Of a directory that is a model as a whole, only what its format defines: the rest is somebody else's. */
  private async removeFrom(directory: string, format: string): Promise<void> {
    const place = await this.placeProblem(join(directory, 'any'));
    if (place !== undefined) return this.keep(directory, place);
    const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => reasonOf(error));
    if (typeof entries === 'string') return this.keep(directory, entries);
    const isOwn = (entry: (typeof entries)[number]) => !entry.isDirectory() && isFileOf(format, entry.name);
    for (const entry of entries.filter(isOwn)) await this.removeFile(join(directory, entry.name));
    const others = entries
      .filter((entry) => !isOwn(entry))
      .map(({ name }) => name)
      .sort();
    if (others.length === 0) return;
    const listed = [...others.slice(0, mostNames), ...(others.length > mostNames ? ['…'] : [])].join(', ');
    this.keep(directory, `it holds what is not part of the model (${listed})`);
  }

  private async removeFile(path: string): Promise<void> {
    const problem = (await this.placeProblem(path)) ?? this.useProblem(path);
    if (problem !== undefined) return this.keep(path, problem);
    try {
      await unlink(path);
      this.deleted.push(path);
      await this.removeEmpty(dirname(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.keep(path, reasonOf(error));
    }
  }

  /** Why a file may not be deleted where it is: only what is in the models directory, by no symbolic link, may be. */
  private async placeProblem(path: string): Promise<string | undefined> {
    const outside = 'it is outside the models directory';
    if (!isWithin(this.modelsDir, path)) return outside;
    const parent = dirname(path);
    const real = await realpath(parent).catch(() => undefined);
    if (real === undefined || !isWithin(this.root, real)) return outside;
    if (real === join(this.root, relative(this.modelsDir, parent))) return undefined;
    return 'a symbolic link leads to it; remove the model by its real path';
  }

  /** Why a file stays where it may be deleted: a link is deleted as itself, not what it leads to. */
  private useProblem(path: string): string | undefined {
    const real = join(this.root, relative(this.modelsDir, path));
    const whole = this.users.get(dirname(real));
    const part = whole !== undefined && isFileOf(whole.format, basename(real)) ? whole : undefined;
    const user = this.users.get(real) ?? part;
    return user === undefined ? undefined : `the model "${user.name}" uses it too`;
  }

  private async removeEmpty(directory: string): Promise<void> {
    if (directory === this.modelsDir) return;
    const gone = await rmdir(directory).then(
      () => true,
      () => false,
    );
    if (!gone) return;
    this.deleted.push(directory);
    await this.removeEmpty(dirname(directory));
  }

  private keep(path: string, reason: string): void {
    const shown = isWithin(this.modelsDir, path) ? relative(this.modelsDir, path) || '.' : basename(path);
    this.kept.push(`${shown} stays: ${reason}.`);
  }
}

async function usersOf(records: readonly ModelRecord[], name: string): Promise<Users> {
  const others = records.filter(({ model }) => model.name !== name);
  const used = others.flatMap(({ model }) => model.files.map(({ path }) => ({ path, model })));
  const found = used.map(async ({ path, model }) => (await pathsOf(path)).map((real) => [real, model] as const));
  return new Map((await Promise.all(found)).flat());
}

/** Where a file is in its real directory, and what it leads to when it is a link. */
async function pathsOf(path: string): Promise<readonly string[]> {
  const [parent, real] = await Promise.all([dirname(path), path].map((one) => realpath(one).catch(() => one)));
  return [join(parent!, basename(path)), real!];
}
