// The one error class of the client.
import type { WireError } from './wire.js';

/**
 * Why a call, a chat or a connection failed: an error of the server with its code (docs/errors.md), or one of the client:
 * `ABORTED` (its signal), `CLOSED` (`client.close()`), `UNREACHABLE` (no connection within `reconnectTimeout`),
 * `CONNECTION_LOST` (the connection was lost during a call that cannot be repeated), `READ_TOO_SLOWLY` (too much is
 * unread), `PROTOCOL_ERROR` (the server sent something that the client cannot use).
 */
export class LaminaClientError extends Error {
  override readonly name = 'LaminaClientError';
  readonly code: string;
  /** The invalid field of the request. */
  readonly param: string | undefined;
  /** The details of the server's error, in snake_case. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(error: Pick<WireError, 'code' | 'message' | 'param' | 'details'>, options?: ErrorOptions) {
    super(error.message, options);
    this.code = error.code;
    this.param = error.param;
    this.details = error.details ?? {};
  }
}

/** The error of a call whose signal was aborted. */
export function abortedError(signal: AbortSignal): LaminaClientError {
  return new LaminaClientError({ code: 'ABORTED', message: 'The call was aborted.' }, { cause: signal.reason });
}

/** The error in a frame of the server. */
export function errorOf(frame: { readonly [field: string]: unknown }): LaminaClientError {
  return new LaminaClientError(frame['error'] as WireError);
}
