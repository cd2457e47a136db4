// Validates one model: do its files exist, and are they complete, readable and of the right format?
import { basename } from 'node:path';
import type { FileProblem, Model, ModelCheck, ModelRecord } from '../../contract/models.js';
import type { Catalog } from '../catalog.js';
import { findEntryFiles } from './find.js';
import type { Folders } from './folders.js';
import type { HeaderCache } from '../headers/header-cache.js';
import { fileProblems, hasHeaders } from './describe.js';

/** Checks the disk as it is now, if `folders` are new. @throws the signal's reason */
export async function checkModel(
  record: ModelRecord,
  catalog: Catalog,
  folders: Folders,
  headers: HeaderCache,
  signal: AbortSignal,
): Promise<ModelCheck> {
  signal.throwIfAborted();
  const { model, entry, available } = record;
  const { name, base, of } = model;
  if (of !== undefined) {
    const target = available ? await checkModel(catalog.require(of), catalog, folders, headers, signal) : undefined;
    const messages = target?.problems.map(({ message }) => `its model "${of}" cannot be used: ${message}`);
    return { name, problems: (messages ?? record.missing).map((message) => ({ kind: 'of_unusable', message })) };
  }
  if (base !== undefined && catalog.find(base) === undefined)
    return { name, problems: [{ kind: 'base_missing', message: `its base model "${base}" is not known` }] };
  // It is served elsewhere; an entry whose paths are wrong has no files either, and is not available.
  if (model.files.length === 0 && (available || model.unavailable !== undefined)) return { name, problems: [] };
  // Files are searched again only when something is wrong with those known, for a better message.
  if (available && hasHeaders(model) && (await fileProblems(model, folders, headers)).length === 0)
    return { name, problems: [] };
  const found =
    model.from === 'manifest'
      ? await findEntryFiles(name, entry, folders)
      : { ...model, problems: await absences(model, folders) };
  if (found.problems.length > 0) return { name, problems: found.problems };
  return { name, problems: await fileProblems(found, folders, headers) };
}

async function absences({ files }: Model, folders: Folders): Promise<readonly FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const { path } of files) {
    const entry = await folders.entry(path);
    if (entry === undefined) problems.push({ kind: 'absent', path, message: `${basename(path)} does not exist` });
    else if (entry.kind === 'file' && entry.bytes === 0)
      problems.push({ kind: 'empty', path, message: `${basename(path)} is empty` });
  }
  return problems;
}
