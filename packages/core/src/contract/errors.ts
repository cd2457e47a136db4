// The one error class.
import { type ErrorCode, type ErrorDetails, errorTable } from './error-table.js';

/** The JSON form of an error, compatible with OpenAI's API. */
export interface WireError {
  message: string;
  /** The error type of OpenAI's API, such as `invalid_request_error`. */
  type: string;
  /** A code of {@link errorTable}, or the engine's own code for an error of the engine. */
  code: string;
  /** The invalid field of the request. */
  param?: string;
  /** JSON, snake_case. */
  details?: Record<string, unknown>;
}

const marker = Symbol.for('lamina.error');

/**
 * The error class of Lamina. `details` fill the message and are sent to clients; `cause` is only logged. Check with
 * {@link LaminaError.is}, not with `instanceof`, because a process can contain several copies of this package.
 */
export class LaminaError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly [marker] = true;
  readonly code: Code;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: Code, details: ErrorDetails<Code>, options?: { cause?: unknown }) {
    super(fill(errorTable[code].message, details), options);
    this.name = 'LaminaError';
    this.code = code;
    this.details = details;
  }

  /** The HTTP status of this error. */
  get status(): number {
    return errorTable[this.code].status;
  }

  /** True if the same call can succeed later. */
  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  /** The JSON form of the error. */
  toWire(): WireError {
    const { message: _message, param, ...details } = this.details;
    return {
      message: this.message,
      type: wireType(this.status),
      code: this.code,
      ...(typeof param === 'string' ? { param } : {}),
      ...(Object.keys(details).length > 0 ? { details } : {}),
    };
  }

  /**
   * True for a LaminaError of any copy of this package; with a code, only for an error with that code.
   * @example
   * ```ts
   * import { LaminaError } from '@lamina/core';
   *
   * if (LaminaError.is(error, 'QUEUE_FULL')) console.log('Try again later');
   * ```
   */
  static is<C extends ErrorCode = ErrorCode>(value: unknown, code?: C): value is LaminaError<C> {
    return (
      typeof value === 'object' &&
      value !== null &&
      marker in value &&
      (code === undefined || (value as LaminaError).code === code)
    );
  }

  /**
   * Creates an error from its JSON form and keeps the message. A code that is not in {@link errorTable} becomes
   * `INTERNAL`.
   */
  static fromWire({ code, message, param, details }: WireError): LaminaError {
    const error = new LaminaError(
      (Object.hasOwn(errorTable, code) ? code : 'INTERNAL') as ErrorCode,
      { ...details, ...(param === undefined ? {} : { param }) } as never,
    );
    error.message = message;
    return error;
  }

  /**
   * Returns a LaminaError unchanged. An AbortError becomes `ABORTED`; any other value becomes `INTERNAL`, with the
   * value as cause.
   */
  static from(value: unknown): LaminaError {
    if (LaminaError.is(value)) return value;
    if (value instanceof Error && value.name === 'AbortError') return new LaminaError('ABORTED', {}, { cause: value });
    return new LaminaError('INTERNAL', {}, { cause: value });
  }
}

/** The error type of OpenAI's API for an HTTP status. */
export function wireType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 404) return 'not_found_error';
  if (status === 429) return 'rate_limit_error';
  if (status >= 400 && status < 500) return 'invalid_request_error';
  return 'server_error';
}

function fill(template: string, details: Readonly<Record<string, unknown>>): string {
  return template
    .replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = details[name] as string | number | readonly string[] | undefined;
      return Array.isArray(value) ? value.join(', ') : String(value ?? '');
    })
    .trim();
}
