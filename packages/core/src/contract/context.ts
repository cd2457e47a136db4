// What calls into plugins receive: a signal, a log, a clock.

/** A structured logger like pino's: data first, then a constant message. */
export interface Logger {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
  /** Returns a logger that adds these fields to every line. */
  child(fields: Record<string, unknown>): Logger;
}

/** The last argument of every call into a plugin. */
export interface Context {
  /** Aborted when the result is no longer needed, or when the time limit of the call has passed. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** The clock; tests replace it to control time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` once after `ms`; returns a function that cancels it. Never keeps the process alive. */
  after(ms: number, callback: () => void): () => void;
}

/** Something to close; what was opened last is closed first. */
export interface Disposable {
  dispose(): void | Promise<void>;
}
