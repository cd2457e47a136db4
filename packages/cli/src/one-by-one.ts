// Does the same for several things that a command names.
import { LaminaError } from '@lamina/core/protocol';
import type { CommandContext } from './command-context.js';
import type { CommandResult } from './printer.js';

/**
 * Runs the work for one after the other and returns the last result; those before are printed. The others go on when one
 * fails, and the exit code is then 1. A result with an exit code of its own ends it.
 * @throws what the work for the last one throws, and everything that is no LaminaError
 */
export async function oneByOne(
  [wanted, ...others]: readonly string[],
  work: (wanted: string) => Promise<CommandResult>,
  context: Pick<CommandContext, 'io' | 'printer'>,
): Promise<CommandResult> {
  const { io, printer } = context;
  const result = await work(wanted!).catch((error: unknown) => {
    if (others.length === 0 || io.signal.aborted || !LaminaError.is(error)) throw error;
    printer.error(error);
  });
  if (others.length === 0 || result?.code !== undefined) return result!;
  if (result !== undefined) printer.result(result);
  const last = await oneByOne(others, work, context);
  return result === undefined ? { ...last, code: last.code ?? 1 } : last;
}
