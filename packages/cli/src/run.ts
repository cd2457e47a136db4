// Runs one command: reads its arguments, does it, tells how it went, and answers with the exit code.
import { CommanderError } from 'commander';
import { LaminaError } from '@lamina/core/protocol';
import { exitCodeOf } from './exit-code.js';
import { createProgram } from './program.js';
import { Printer } from './printer.js';
import { createSession } from './session.js';
import type { World } from './world.js';

/**
 * Runs `lamina` with these arguments.
 * @returns the exit code: 0 done; 1 failed, or `validate` found something; 2 wrong usage; 130 and the like when a
 * signal ended it
 */
export async function runCommand(args: readonly string[], world: World): Promise<number> {
  const printer = new Printer(world.stdout, world.stderr, args.includes('--json'));
  const session = createSession(world, printer);
  try {
    await createProgram(session, world).parseAsync(args, { from: 'user' });
    return session.code;
  } catch (error) {
    if (error instanceof CommanderError) return refused(error, printer);
    if (world.signal.aborted) return exitCodeOf(world.signal.reason);
    printer.error(LaminaError.is(error) ? error : unexpected(error));
    return 1;
  }
}

// Help was printed by commander, to where it belongs; mistakes are told as all errors are.
function refused(error: CommanderError, printer: Printer): number {
  if (error.exitCode === 0) return 0;
  if (error.code !== 'commander.help')
    printer.error(new LaminaError('REQUEST_INVALID', { message: sentence(error.message) }));
  return 2;
}

function sentence(message: string): string {
  const text = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  const full = /[.?!)]$/.test(text) ? text : `${text}.`;
  return `${full[0]!.toUpperCase()}${full.slice(1)}`;
}

// Not of Lamina: a library's. There is no log to look into, so its reason is told.
function unexpected(error: unknown): LaminaError {
  const message = error instanceof Error ? error.message : String(error);
  return LaminaError.fromWire({ message, type: 'server_error', code: 'INTERNAL' });
}
