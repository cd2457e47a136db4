// What every call is given: a signal, a log, time that a test can own.

/** A structured logger, as pino's: data first, then one constant sentence. */
export interface Logger {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
  /** A logger that adds these fields to every line. */
  child(fields: Record<string, unknown>): Logger;
}

/** What every call into a plugin ends in. */
export interface Context {
  /** Aborted when the answer is no longer wanted, or the time limit of the call has passed. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Time, so that a test can own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` once after `ms`; the answer cancels it. Never keeps the process alive. */
  after(ms: number, callback: () => void): () => void;
}

/** A thing to be closed: the last one opened is closed first. */
export interface Disposable {
  dispose(): void | Promise<void>;
}
