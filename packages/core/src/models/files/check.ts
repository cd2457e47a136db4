// Validates one model: are its files there, whole, readable and what they seem to be?
import { basename } from 'node:path';
import type { FileProblem, ModelCheck, ModelRecord } from '../../contract/models.js';
import type { Steps } from '../../kernel/steps.js';
import type { Catalog } from '../catalog.js';
import { findFiles } from './find.js';
import type { Folders } from './folders.js';
import type { HeaderCache } from './header-cache.js';
import { fileProblems, hasHeaders } from './model-facts.js';

/** Looks at the disk as it is now, by way of fresh `folders`. @throws the signal's reason */
export function* checkModel(
  record: ModelRecord,
  catalog: Catalog,
  folders: Folders,
  headers: HeaderCache,
  signal: AbortSignal,
): Steps<ModelCheck> {
  signal.throwIfAborted();
  const { model, entry, available } = record;
  const { name, base } = model;
  if (base !== undefined && catalog.find(base) === undefined)
    return { name, problems: [{ kind: 'base_missing', message: `its base model "${base}" is not known` }] };
  if (available && model.files.length === 0) return { name, problems: [] };
  // What was there is looked at where it was; only when something is wrong is it looked for again, for a better answer.
  if (available && hasHeaders(model) && (yield* fileProblems(model, folders, headers)).length === 0)
    return { name, problems: [] };
  const found =
    model.from === 'manifest'
      ? yield* findFiles(name, entry, folders)
      : {
          ...model,
          problems: yield* absences(
            model.files.map(({ path }) => path),
            folders,
          ),
        };
  if (found.problems.length > 0) return { name, problems: found.problems };
  return { name, problems: yield* fileProblems(found, folders, headers) };
}

function* absences(paths: readonly string[], folders: Folders): Steps<readonly FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const path of paths) {
    const there = yield* folders.look(path);
    if (there === undefined) problems.push({ kind: 'absent', path, message: `${basename(path)} does not exist` });
    else if (there.kind === 'file' && there.bytes === 0)
      problems.push({ kind: 'empty', path, message: `${basename(path)} is empty` });
  }
  return problems;
}
