// Gets a manifest from where it is: a file on disk, or data that a host gave.
import { open } from 'node:fs/promises';
import { LaminaError } from '../../contract/errors.js';
import { reasonOf } from '../../kernel/reason.js';
import type { Manifest, ModelEntry } from '../../contract/manifest.js';
import { freeze } from '../../kernel/freeze.js';
import { invalid, sentence, type ManifestNote } from './notes.js';
import {
  entryProblems,
  jsonProblems,
  shapeProblems,
  togetherProblems,
  unknownInEntry,
  unknownSections,
} from './rules.js';
import { withoutNothing } from './nothing.js';

const largestManifest = 32 * 1024 * 1024;

/** A manifest that can be used. */
export interface ManifestReading {
  /** Frozen; an entry that did not change since the last reading is the same object. */
  readonly manifest: Manifest;
  /** Keys nobody knows. */
  readonly warnings: readonly ManifestNote[];
}

/** Changes an entry, or takes it out. */
export interface Edit {
  readonly name: string;
  /** `undefined` takes it out. */
  readonly entry: ModelEntry | undefined;
}

/** The manifest of somebody who has none. */
export const emptyManifest: Manifest = freeze({ models: {}, categories: {}, backends: {}, defaults: {} });

/** Takes a manifest that is already data. @throws LaminaError `CONFIG_INVALID` with every problem */
export function checkManifest(value: unknown): ManifestReading {
  const whole = withoutNothing(value);
  const unwritable = jsonProblems(whole);
  const shape = unwritable.length > 0 ? unwritable : shapeProblems(whole);
  if (shape.length > 0) throw invalid(shape.map((finding) => ({ message: sentence(finding) })));
  const manifest: Manifest = { ...emptyManifest, ...(whole as Partial<Manifest>) };
  const entries = Object.entries(manifest.models);
  const problems = [
    ...entries.flatMap(([name, entry]) => entryProblems(name, entry)),
    ...togetherProblems(manifest.models),
  ];
  if (problems.length > 0) throw invalid(problems.map((finding) => ({ message: sentence(finding) })));
  const unknown = [...unknownSections(manifest), ...entries.flatMap(([name, entry]) => unknownInEntry(name, entry))];
  return { manifest: freeze(manifest), warnings: unknown.map((finding) => ({ message: sentence(finding) })) };
}

/** A manifest with one entry changed. */
export function withEntry(manifest: Manifest, name: string, entry: ModelEntry | undefined): Manifest {
  const models = Object.entries(manifest.models).filter(([other]) => other !== name);
  return { ...manifest, models: Object.fromEntries(entry === undefined ? models : [...models, [name, entry]]) };
}

/**
 * The text of a manifest file, a byte order mark included.
 * @throws LaminaError `CONFIG_INVALID` when there is none that could be one
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
    if (code === 'ENOENT') throw refuse('is not there; write a manifest, or name another one');
    if (code === 'EISDIR') throw refuse('is a directory; name the models.yaml in it');
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw refuse('is not UTF-8 text; save it as UTF-8');
    throw refuse(`cannot be read: ${reasonOf(error)}`);
  } finally {
    await handle?.close();
  }
}
