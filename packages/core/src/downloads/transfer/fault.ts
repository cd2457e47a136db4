// What can go wrong with one request of a transfer, and what it means for the next one.
import { LaminaError } from '../../contract/errors.js';
import { reasonOf } from '../../kernel/reason.js';

/**
 * `again`: worth another try. `busy`: the server wants fewer, or later, requests. `stall`: no bytes came. `denied`: the
 * address is no longer, or never was, good. `restart`: what is here must be thrown away. `final`: nothing helps.
 */
export type FaultKind = 'again' | 'busy' | 'stall' | 'denied' | 'restart' | 'final';

/** A failed request. */
export class Fault extends Error {
  constructor(
    readonly kind: FaultKind,
    /** What a person is told should it stay so. */
    readonly error: LaminaError,
    /** How long the server wants to be left alone, in milliseconds. */
    readonly afterMs?: number,
  ) {
    super(error.message);
  }
}

/** A fault with a sentence. */
export function fault(kind: FaultKind, message: string, cause?: unknown): Fault {
  return new Fault(kind, new LaminaError('SOURCE_UNREACHABLE', { message }, { cause }));
}

/** A fault of whatever was thrown by a connection or the disk. */
export function faultOf(error: unknown, host: string, directory: string): Fault {
  if (error instanceof Fault) return error;
  if (LaminaError.is(error))
    return new Fault(
      LaminaError.is(error, 'SOURCE_UNREACHABLE') || LaminaError.is(error, 'TIMEOUT') ? 'again' : 'final',
      error,
    );
  const full = diskErrorOf(error, directory);
  if (full !== undefined) return new Fault('final', full);
  if ((error as NodeJS.ErrnoException).syscall === 'write')
    return new Fault(
      'final',
      new LaminaError(
        'CONFLICT',
        { message: `The download cannot be written to ${directory}: ${reasonOf(error)}.` },
        { cause: error },
      ),
    );
  return fault(
    'again',
    `${host} cannot be reached or breaks connections off: ${reasonOf(error)}. The download can be resumed.`,
    error,
  );
}

/** What the disk says when it takes no more; `undefined` for any other error. */
export function diskErrorOf(error: unknown, directory: string): LaminaError | undefined {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return undefined;
  return new LaminaError('DISK_FULL', { path: directory, reason: 'the disk or the quota is full' }, { cause: error });
}

/** What an answer that is neither 200, 206 nor 416 means. */
export function faultOfStatus(status: number, host: string, file: string, afterMs: number | undefined): Fault {
  const said = `${host} answers ${status} for ${file}`;
  if (status === 401 || status === 403)
    return new Fault(
      'denied',
      new LaminaError('SOURCE_DENIED', {
        message: `${said}: access is denied. Check the address, or the token of the source.`,
        status,
      }),
    );
  if (status === 404 || status === 410)
    return new Fault(
      'denied',
      new LaminaError('SOURCE_UNREACHABLE', {
        message: `${said}: there is no such file. Check the reference.`,
        status,
      }),
    );
  const error = new LaminaError('SOURCE_UNREACHABLE', { message: `${said}. Try again later.`, status });
  if (status === 429 || status === 503) return new Fault('busy', error, afterMs);
  return [408, 425].includes(status) || status >= 500 ? new Fault('again', error, afterMs) : new Fault('final', error);
}
