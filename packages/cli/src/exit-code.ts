// Exit codes of what a signal ended.
import { constants } from 'node:os';

/** 128 and the number of the signal, as shells have it. */
export function exitCodeOf(signal: unknown): number {
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? constants.signals.SIGINT);
}
