// What a manifest's author is told: notes with places, and the one error that carries them all.
import { LaminaError } from '../../contract/errors.js';
import type { Finding } from './rules.js';

/** More than these nobody reads. */
export const mostNotes = 50;

/**
 * Something to tell the person who wrote the manifest. Lines and columns begin at 1; without a file they are missing.
 */
export interface ManifestNote {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/** One `CONFIG_INVALID` for all problems; its message has a line for each of the first fifty. */
export function invalid(all: readonly ManifestNote[]): LaminaError {
  const problems = all.slice(0, mostNotes);
  const lines = problems.map((note) => `${placeOf(note)}${note.message}`);
  if (all.length > problems.length) lines.push(`… and ${all.length - problems.length} more`);
  const { message: _first, ...place } = problems[0]!;
  return new LaminaError('CONFIG_INVALID', { message: lines.join('\n'), ...place, problems });
}

/** `models.a.path must be …`; the manifest itself when the path is empty. */
export function sentence({ path, message }: Finding): string {
  return path.length === 0 ? `the manifest ${message}` : `${path.join('.')} ${message}`;
}

function placeOf({ file, line, column }: ManifestNote): string {
  return file === undefined ? '' : `${[file, line, column].filter((part) => part !== undefined).join(':')}: `;
}
