// Deletes the files of a model that are in the models directory and that no other model uses.
import { lstat, readdir, realpath, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { reasonOf } from '../../kernel/reason.js';
import { unlessShortage } from '../../kernel/shortage.js';
import type { Model, ModelRecord, RemovedModel } from '../../contract/models.js';
import { isFileOf } from './file-names.js';
import { isWithin } from './folders.js';

/** The most file names that a message lists. */
const mostNames = 4;

/** Deletes what may be deleted, with directories that become empty; the result says why the rest stays. */
export async function removeFiles(
  model: Model,
  records: readonly ModelRecord[],
  modelsDir: string,
): Promise<Omit<RemovedModel, 'remaining'>> {
  const root = await realpath(modelsDir).catch(unlessShortage(modelsDir));
  const removal = new Removal(modelsDir, root, await usersOf(records, model.name));
  for (const path of new Set(model.files.map((file) => file.path))) await removal.remove(path, model.format);
  return { deleted: removal.deleted, kept: removal.kept };
}

/** Real path of a file, or of a directory that is one model → the model that uses it. */
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
    const there = await lstat(path).catch(unlessShortage(undefined));
    if (there === undefined) return;
    if (there.isDirectory()) await this.removeFrom(path, format);
    else await this.removeFile(path);
  }

  /** Of a directory that is one model, deletes only the files of its format: the rest is not part of the model. */
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

  /** Why a file may not be deleted at its path: it must be in the models directory, not through a symbolic link. */
  private async placeProblem(path: string): Promise<string | undefined> {
    const outside = 'it is outside the models directory';
    if (!isWithin(this.modelsDir, path)) return outside;
    const parent = dirname(path);
    const real = await realpath(parent).catch(unlessShortage(undefined));
    if (real === undefined) return outside;
    if (real === join(this.root, relative(this.modelsDir, parent))) return undefined;
    return 'its folder is reached through a symbolic link; delete it where the link leads';
  }

  /** Which other model uses a file: of a link the link itself is deleted, not its target. */
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

/** The path of a file in its real directory, and its target if it is a link. */
async function pathsOf(path: string): Promise<readonly string[]> {
  const [parent, real] = await Promise.all(
    [dirname(path), path].map((one) => realpath(one).catch(unlessShortage(one))),
  );
  return [join(parent!, basename(path)), real!];
}
