// Opens the library of this machine for work that downloads, after another command that uses it has ended.
import { setTimeout as delay } from 'node:timers/promises';
import { LaminaError } from '@lamina/core/protocol';
import type { Library } from './library.js';
import type { CommandResult } from './printer.js';
import type { CommandContext } from './command-context.js';

const pauseMs = 1_000;

/**
 * Runs beside another command, again and again until that one ends. A result replaces that of the work. True: models may
 * have changed.
 */
export type Meanwhile = (context: CommandContext) => Promise<CommandResult | boolean>;

/**
 * The library as owner of the data directory, or the result of `meanwhile`.
 * @throws LaminaError `CONFLICT` when the owner is no command: a server does not end by itself
 */
export async function openWhenFree(
  open: (owner: boolean) => Promise<Library>,
  { io, printer }: Pick<CommandContext, 'io' | 'printer'>,
  meanwhile: Meanwhile,
): Promise<Library | CommandResult> {
  let isTold = false;
  let beside: Library | undefined;
  try {
    for (;;) {
      const opened = await open(true).catch(busyError);
      if (!LaminaError.is(opened)) return opened;
      const { pid, data_dir: directory } = opened.details;
      if (!isTold && !printer.json)
        printer.notice(
          `Another lamina command (process ${String(pid)}) uses ${String(directory)}. Waiting for it to end.`,
        );
      isTold = true;
      beside ??= await open(false);
      const result = await meanwhile({ library: beside, io, printer });
      if (typeof result === 'object') return result;
      if (result) {
        await beside.close();
        beside = undefined;
      }
      await delay(pauseMs, undefined, { signal: io.signal });
    }
  } finally {
    await beside?.close();
  }
}

/** @throws any error but that of another command which owns the data directory */
function busyError(error: unknown): LaminaError {
  if (LaminaError.is(error, 'CONFLICT') && error.details['command'] === true) return error;
  throw error;
}
