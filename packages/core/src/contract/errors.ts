// The one error class.
import { type ErrorCode, type ErrorDetails, errorTable } from './error-table.js';

/** The shape of every error on the wire, the one OpenAI's clients parse. */
export interface WireError {
  message: string;
  /** The class of error in OpenAI's words, such as `invalid_request_error`. */
  type: string;
  /** A code of {@link errorTable}, or the engine's own for an error that it gave. */
  code: string;
  /** The field of the request that is at fault. */
  param?: string;
  /** JSON, snake_case. */
  details?: Record<string, unknown>;
}

const marker = Symbol.for('lamina.error');

/**
 * The one error class. `details` fill the message and travel on the wire; `cause` is for the log and never leaves the
 * process. Recognise one with {@link LaminaError.is}, never with `instanceof`: two copies of this package may meet in
 * one process.
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

  /** True when the same call may succeed later. */
  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  /** The error as it goes on the wire. */
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

  /** True for a LaminaError of any copy of this package; with a code, only for one of that code. */
  static is<C extends ErrorCode = ErrorCode>(value: unknown, code?: C): value is LaminaError<C> {
    return (
      typeof value === 'object' &&
      value !== null &&
      marker in value &&
      (code === undefined || (value as LaminaError).code === code)
    );
  }

  /**
   * An error as a server told it: its message is kept as it is. A code that is not of {@link errorTable} becomes
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
   * The error itself when it is a LaminaError, else `ABORTED` for an AbortError and `INTERNAL`, with the cause, for all
   * others.
   */
  static from(value: unknown): LaminaError {
    if (LaminaError.is(value)) return value;
    if (value instanceof Error && value.name === 'AbortError') return new LaminaError('ABORTED', {}, { cause: value });
    return new LaminaError('INTERNAL', {}, { cause: value });
  }
}

/** OpenAI's class of error for an HTTP status. */
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
