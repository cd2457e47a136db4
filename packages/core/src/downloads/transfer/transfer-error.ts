// A failed request of a transfer: what it means for the next request, and the error to report if nothing helps.
import { LaminaError } from '../../contract/errors.js';
import { networkReasonOf, reasonOf } from '../../kernel/reason.js';

/**
 * What to do after a failed request:
 * - `retry`: send it again after a pause
 * - `slow-down`: use fewer connections, or pause when this was the only one
 * - `relocate`: ask the source for a new URL, because this one was refused
 * - `restart`: delete what was written and download the file again
 * - `give-up`: the transfer fails
 */
export type RetryPolicy = 'retry' | 'slow-down' | 'relocate' | 'restart' | 'give-up';

const maxBackoffFactor = 30;

/** A failed request. */
export class TransferError extends Error {
  constructor(
    readonly policy: RetryPolicy,
    /** The error of the download if it fails because of this. */
    readonly reported: LaminaError,
    /** How long the server asks clients to wait, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(reported.message);
  }
}

/** A {@link TransferError} that is reported as `SOURCE_UNREACHABLE` with this message. */
export function transferError(policy: RetryPolicy, message: string, cause?: unknown): TransferError {
  return new TransferError(policy, new LaminaError('SOURCE_UNREACHABLE', { message }, { cause }));
}

/** Classifies whatever a connection, a source or the disk has thrown. */
export function toTransferError(error: unknown, file: string, host: string, directory: string): TransferError {
  if (error instanceof TransferError) return error;
  if (LaminaError.is(error)) {
    const isTemporary = LaminaError.is(error, 'SOURCE_UNREACHABLE') || LaminaError.is(error, 'TIMEOUT');
    return new TransferError(isTemporary ? 'retry' : 'give-up', error);
  }
  const diskError = diskErrorOf(error, directory);
  if (diskError !== undefined) return new TransferError('give-up', diskError);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'write') {
    const message = `The download cannot be written to ${directory}: ${reasonOf(error)}.`;
    return new TransferError('give-up', new LaminaError('CONFLICT', { message }, { cause: error }));
  }
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return transferError('retry', `${host} stopped sending ${file}. Resume the download to try again.`, error);
  return transferError(
    'retry',
    `The connection to ${host} failed: ${networkReasonOf(error)}. Resume the download to try again.`,
    error,
  );
}

/** `DISK_FULL` for errors that mean so; `undefined` for all others. */
export function diskErrorOf(error: unknown, directory: string): LaminaError | undefined {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return undefined;
  return new LaminaError('DISK_FULL', { path: directory, reason: 'the disk or the quota is full' }, { cause: error });
}

/** The error for a response that is neither 200, 206 nor 416. */
export function statusError(
  status: number,
  host: string,
  file: string,
  retryAfterMs: number | undefined,
): TransferError {
  const what = `${host} responded with status ${status} for ${file}`;
  if (status === 401 || status === 403) {
    const message = `${what}: access is denied. Check the URL, or the token of the source.`;
    return new TransferError('relocate', new LaminaError('SOURCE_DENIED', { message, status }));
  }
  if (status === 404 || status === 410) {
    const message = `${what}: the file does not exist. Check the reference.`;
    return new TransferError('relocate', new LaminaError('SOURCE_UNREACHABLE', { message, status }));
  }
  const error = new LaminaError('SOURCE_UNREACHABLE', { message: `${what}. Try again later.`, status });
  if (status === 429 || status === 503) return new TransferError('slow-down', error, retryAfterMs);
  const isTemporary = status === 408 || status === 425 || status >= 500;
  return new TransferError(isTemporary ? 'retry' : 'give-up', error, retryAfterMs);
}

/** The pause after `failures` in a row: doubled each time, with jitter so that clients do not retry in step. */
export function backoffMs(failures: number, firstMs: number): number {
  return Math.min(firstMs * 2 ** (failures - 1), firstMs * maxBackoffFactor) * (0.5 + Math.random() / 2);
}
