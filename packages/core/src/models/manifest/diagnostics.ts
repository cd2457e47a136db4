// What a manifest's author reads: messages with their places, and the one error that carries them all.
import { LaminaError } from '../../contract/errors.js';
import type { Diagnostic } from '../../contract/models.js';
import type { Problem } from '../../kernel/check.js';

/** An error lists no more problems than this. */
export const mostDiagnostics = 50;

/** A problem with its place in the manifest; a manifest that is not a file has no places. */
export type LocatedProblem = Omit<Diagnostic, 'severity' | 'model'>;

/** One `CONFIG_INVALID` for all problems; its message has a line for each of the first fifty. */
export function invalid(all: readonly LocatedProblem[]): LaminaError<'CONFIG_INVALID'> {
  const problems = all.slice(0, mostDiagnostics);
  const lines = problems.map((problem) => `${prefix(problem)}${problem.message}`);
  if (all.length > problems.length) lines.push(`… and ${all.length - problems.length} more`);
  const { message: _first, ...place } = problems[0]!;
  return new LaminaError('CONFIG_INVALID', { message: lines.join('\n'), ...place, problems });
}

/** `models.a.path must be …`; `the manifest must be …` when the path is empty. */
export function sentence({ path, message }: Problem): string {
  return path.length === 0 ? `the manifest ${message}` : `${path.join('.')} ${message}`;
}

function prefix({ file, line, column }: LocatedProblem): string {
  return file === undefined ? '' : `${[file, line, column].filter((part) => part !== undefined).join(':')}: `;
}
