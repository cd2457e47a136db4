// What a manifest's author reads: messages with their places, and the one error that carries them all.
import { LaminaError } from '../../contract/errors.js';
import type { Problem } from '../../kernel/check.js';

/** An error lists no more problems than this. */
export const mostDiagnostics = 50;

/** A problem of the manifest. Lines and columns begin at 1; a manifest that is not a file has no place. */
export interface Diagnostic {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/** One `CONFIG_INVALID` for all problems; its message has a line for each of the first fifty. */
export function invalid(all: readonly Diagnostic[]): LaminaError {
  const problems = all.slice(0, mostDiagnostics);
  const lines = problems.map((diagnostic) => `${prefix(diagnostic)}${diagnostic.message}`);
  if (all.length > problems.length) lines.push(`… and ${all.length - problems.length} more`);
  const { message: _first, ...place } = problems[0]!;
  return new LaminaError('CONFIG_INVALID', { message: lines.join('\n'), ...place, problems });
}

/** `models.a.path must be …`; `the manifest must be …` when the path is empty. */
export function sentence({ path, message }: Problem): string {
  return path.length === 0 ? `the manifest ${message}` : `${path.join('.')} ${message}`;
}

function prefix({ file, line, column }: Diagnostic): string {
  return file === undefined ? '' : `${[file, line, column].filter((part) => part !== undefined).join(':')}: `;
}
