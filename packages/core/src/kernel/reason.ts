// Why something failed, in one line for people.
import { shortageOf } from './shortage.js';

/**
 * The message of any thrown value, in one line, without a stack; of a system error that passes by itself, what to do
 * about it.
 */
export function reasonOf(value: unknown): string {
  const shortage = shortageOf(value);
  if (shortage !== undefined) return shortage;
  const text = value instanceof Error ? value.message : String(value);
  return text.split('\n', 1)[0]!.trim() || 'no reason given';
}

/** Why a connection failed, in one line and without its address: `connect ECONNREFUSED`. */
export function networkReasonOf(error: unknown): string {
  const { code, syscall = 'connect' } = error as NodeJS.ErrnoException;
  if (shortageOf(error) === undefined && typeof code === 'string' && /^E[A-Z0-9]+$/.test(code))
    return `${syscall} ${code}`;
  return code === 'UND_ERR_CONNECT_TIMEOUT' ? 'no connection in time' : reasonOf(error);
}
