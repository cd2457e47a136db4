// Runs one command: parses its arguments, does the work, reports errors, and returns the exit code.
import { CommanderError } from 'commander';
import { LaminaError } from '@lamina/core/protocol';
import type { CliIo } from './cli-io.js';
import { contributedCommands } from './contributed-commands.js';
import { exitCodeOf } from './exit-code.js';
import { createProgram } from './program.js';
import { Printer } from './printer.js';
import { createSession } from './session.js';

/**
 * Runs `lamina` with these arguments.
 * @returns the exit code: 0 success; 1 failure, or `validate` found problems; 2 wrong usage; 128 plus the number of the
 * signal that ended it, such as 130 for Ctrl-C
 * @example
 * ```ts
 * const code = await runCommand(['list', '--json'], {
 *   env: process.env,
 *   stdout: process.stdout,
 *   stderr: process.stderr,
 *   signal: new AbortController().signal,
 * });
 * ```
 */
export async function runCommand(args: readonly string[], io: CliIo): Promise<number> {
  const printer = new Printer(io, args.includes('--json'));
  const session = createSession(io, printer);
  try {
    await createProgram(session, contributedCommands(args, io)).parseAsync(args, { from: 'user' });
    return session.code;
  } catch (error) {
    if (error instanceof CommanderError) return reportUsageError(error, printer);
    if (io.signal.aborted) return exitCodeOf(io.signal.reason);
    printer.error(LaminaError.is(error) ? error : internalError(error));
    return 1;
  }
}

// commander has already printed help; usage errors are reported like all other errors.
function reportUsageError(error: CommanderError, printer: Printer): number {
  if (error.exitCode === 0) return 0;
  if (error.code !== 'commander.help')
    printer.error(new LaminaError('REQUEST_INVALID', { message: toSentences(error) }));
  return 2;
}

/** What was wrong, and the next step: `Unknown command "lsit". Did you mean "list"?` */
function toSentences({ code, message }: CommanderError): string {
  const [first, nearest] = message.replace(/^error: /, '').split(/\n\(Did you mean (?:one of )?(.*)\?\)$/);
  const text = first!
    .trim()
    .replace(/'([^']*)'/g, '"$1"')
    .replace(/\s*\n\s*/g, ' ');
  const sentence = `${text[0]!.toUpperCase()}${text.slice(1)}${/[.?!)]$/.test(text) ? '' : '.'}`;
  if (nearest !== undefined)
    return `${sentence} Did you mean ${nearest
      .split(', ')
      .map((name) => `"${name}"`)
      .join(' or ')}?`;
  return code === 'commander.unknownCommand' ? `${sentence} "lamina --help" lists all commands.` : sentence;
}

// An error of a library. A command has no log to look into, so the reason is shown.
function internalError(error: unknown): LaminaError {
  const message = error instanceof Error ? error.message : String(error);
  return LaminaError.fromWire({ message, type: 'server_error', code: 'INTERNAL' });
}
