// Turns data into a manifest, or says everything that is wrong with it.
import { open } from 'node:fs/promises';
import { LaminaError } from '../../contract/errors.js';
import type { Manifest, ManifestEntries } from '../../contract/manifest.js';
import type { Problem } from '../../kernel/check.js';
import { freeze } from '../../kernel/freeze.js';
import { reasonOf } from '../../kernel/reason.js';
import type { EntryKeys } from './entry-keys.js';
import { invalid, sentence, type LocatedProblem } from './diagnostics.js';
import { omitNulls } from './omit-nulls.js';
import { crossEntryProblems, jsonProblems, manifestProblems } from './rules.js';

const largestManifest = 32 * 1024 * 1024;

/** A valid manifest. */
export interface ManifestReading {
  readonly manifest: Manifest;
  /** Adds their places to problems of this manifest. */
  locate(problems: readonly Problem[]): readonly LocatedProblem[];
}

/** Adds, changes or removes one entry. */
export interface Edit {
  /** Default: `models`. */
  readonly section?: keyof ManifestEntries;
  readonly name: string;
  /** `undefined` removes it. */
  readonly entry: object | undefined;
}

/** A manifest without models. */
export const emptyManifest: Manifest = freeze({ models: {}, categories: {}, backends: {}, defaults: {}, groups: {} });

/** Checks a manifest that a host passed as data. @throws LaminaError `CONFIG_INVALID` with every problem */
export function checkManifest(value: unknown, keys: EntryKeys): ManifestReading {
  const locate = (problems: readonly Problem[]) => problems.map((problem) => ({ message: sentence(problem) }));
  const unwritable = jsonProblems(value);
  if (unwritable.length > 0) throw invalid(locate(unwritable));
  return buildManifest(value, keys, locate);
}

/**
 * The manifest that the data of a file means; `locate` adds the places of problems.
 * @throws LaminaError `CONFIG_INVALID` with every problem
 */
export function buildManifest(value: unknown, keys: EntryKeys, locate: ManifestReading['locate']): ManifestReading {
  const whole = omitNulls(value);
  const problems = manifestProblems(whole, keys);
  if (problems.length > 0) throw invalid(inOrder(locate(problems)));
  const manifest: Manifest = { ...emptyManifest, ...(whole as Partial<Manifest>) };
  const conflicts = crossEntryProblems(manifest.models);
  if (conflicts.length > 0) throw invalid(locate(conflicts));
  return { manifest: freeze(manifest), locate };
}

/** A manifest with one entry changed. */
export function withEdit(manifest: Manifest, { section = 'models', name, entry }: Edit): Manifest {
  const others = Object.entries<object>(manifest[section]).filter(([other]) => other !== name);
  return { ...manifest, [section]: Object.fromEntries(entry === undefined ? others : [...others, [name, entry]]) };
}

/**
 * The text of a manifest file, including a byte order mark.
 * @throws LaminaError `CONFIG_INVALID` when the file cannot be a manifest
 */
export async function readManifestText(file: string): Promise<string> {
  const refuse = (message: string) => invalid([{ file, message }]);
  let handle;
  try {
    handle = await open(file, 'r');
    const { size } = await handle.stat();
    if (size > largestManifest)
      throw refuse(`has ${size} bytes; a manifest has at most ${largestManifest}. Is it a model?`);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await handle.readFile());
  } catch (error) {
    if (LaminaError.is(error)) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw refuse('does not exist; create the manifest, or name another one');
    if (code === 'EISDIR') throw refuse('is a directory; name the models.yaml in it');
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw refuse('is not UTF-8 text; save it as UTF-8');
    throw refuse(`cannot be read: ${reasonOf(error)}`);
  } finally {
    await handle?.close();
  }
}

function inOrder(problems: readonly LocatedProblem[]): readonly LocatedProblem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
