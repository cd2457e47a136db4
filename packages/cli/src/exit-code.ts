// Exit codes of commands that a signal ended.
import { constants } from 'node:os';

/** 128 plus the number of the signal, as in shells. */
export function exitCodeOf(signal: unknown): number {
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? constants.signals.SIGINT);
}
