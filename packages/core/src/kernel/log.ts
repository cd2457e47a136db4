// Lamina's logger: pino on standard error, which leaves standard output to the program. JSON lines, or text on a
// terminal.
import { isatty } from 'node:tty';
import { pino } from 'pino';
import type { Logger } from '../contract/context.js';
import { terminalStream } from './terminal-log.js';

/** Levels a host may name. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/**
 * A pino logger on standard error: text for people when that is a terminal, JSON lines elsewhere; `warn` when no level
 * is given. Lines are written at once, so the last ones are there however the process ends.
 */
export function createLog(level: LogLevel = 'warn'): Logger {
  const standardError = pino.destination({ dest: 2, sync: true });
  // eslint-disable-next-line no-restricted-syntax -- pino takes null for: neither pid nor host name.
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, isatty(2) && level !== 'silent' ? terminalStream(standardError) : standardError);
}
