// Deletes the files of a model: only what is in the models directory and belongs to no other model.
import { realpath, rm, rmdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { reasonOf } from '../../contract/errors.js';
import type { Model } from '../../contract/model.js';
import type { ModelRecord, RemovedModel } from '../../contract/services.js';
import { isWithin } from './folders.js';

/** Deletes what may be deleted, and says of the rest why it stays. Directories that become empty go too. */
export async function removeFiles(model: Model, records: readonly ModelRecord[], modelsDir: string): Promise<RemovedModel> {
  const others = records.filter((record) => record.model.name !== model.name).flatMap((record) => record.model.files.map(({ path }) => ({ path, name: record.model.name })));
  const root = await realpath(modelsDir).catch(() => modelsDir);
  const deleted: string[] = [];
  const kept: string[] = [];
  for (const path of new Set(model.files.map((file) => file.path))) {
    const user = others.find((other) => isWithin(path, other.path) || isWithin(other.path, path));
    const parent = await realpath(dirname(path)).catch(() => undefined);
    if (parent === undefined) continue;
    if (user !== undefined) kept.push(`${basename(path)} stays: the model "${user.name}" uses it too.`);
    else if (path === modelsDir || !isWithin(modelsDir, path) || !isWithin(root, parent)) kept.push(`${basename(path)} stays: it is outside the models directory.`);
    else {
      const failure = await rm(path, { recursive: true, force: true }).then(() => undefined, reasonOf);
      if (failure === undefined) deleted.push(path);
      else kept.push(`${basename(path)} stays: ${failure}.`);
    }
  }
  for (const path of deleted) await removeEmpty(dirname(path), modelsDir);
  return { deleted, kept };
}

async function removeEmpty(directory: string, modelsDir: string): Promise<void> {
  if (directory === modelsDir || !isWithin(modelsDir, directory)) return;
  const gone = await rmdir(directory).then(
    () => true,
    () => false,
  );
  if (gone) await removeEmpty(dirname(directory), modelsDir);
}
