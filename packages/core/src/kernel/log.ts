// Lamina's logger: pino, JSON lines on standard error, which leaves standard output to the program's own words.
import { pino } from 'pino';
import type { Logger } from '../contract/context.js';

/** Levels a host may name. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** A pino logger on standard error; `warn` when no level is given. */
export function createLog(level: LogLevel = 'warn'): Logger {
  // eslint-disable-next-line no-restricted-syntax -- pino takes null for: neither pid nor host name.
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
}
