// Why something failed, in one line for people.
import { shortageOf } from './shortage.js';

/** Code of a failed connection → what it means. */
const connectionProblems: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed',
  EPIPE: 'connection closed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EAI_AGAIN: 'host not found',
  ENOTFOUND: 'host not found',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_SOCKET: 'connection closed',
};

/**
 * The message of any thrown value, in one line, without a stack or the code of a system error; for a shortage, what to
 * do about it.
 */
export function reasonOf(value: unknown): string {
  const shortage = shortageOf(value);
  if (shortage !== undefined) return shortage;
  const text = value instanceof Error ? value.message : String(value);
  return (
    text
      .split('\n', 1)[0]!
      .replace(/^E[A-Z0-9]+: /, '')
      .trim() || 'no reason given'
  );
}

/** Why a connection failed, in one line and without its address: `connection refused`. */
export function networkReasonOf(error: unknown): string {
  if (error instanceof TypeError && error.cause instanceof Error) return networkReasonOf(error.cause); // From `fetch`.
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (message === 'bad port') return 'the port is not allowed';
  return connectionProblems[code] ?? reasonOf(error);
}

/** True for the error of a file system that may not be written: read-only, or without the permission. */
export function isReadOnlyError(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}
