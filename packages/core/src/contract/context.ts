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

/**
 * The clock; tests replace it to control time.
 * @example
 * ```ts
 * const clock: Clock = {
 *   now: () => performance.now(),
 *   date: (time = performance.now()) => new Date(Date.now() + time - performance.now()),
 *   after: (ms, callback) => {
 *     const timer = setTimeout(callback, ms).unref();
 *     return () => clearTimeout(timer);
 *   },
 * };
 * ```
 */
export interface Clock {
  /**
   * Milliseconds, for durations: neither a correction of the system's clock nor the sleep of the machine changes it. It
   * is near the milliseconds since the epoch, but only {@link date} makes a date of it.
   */
  now(): number;
  /** The date at a time of `now`, default: at this moment, as the system's clock says it. */
  date(time?: number): Date;
  /** Runs `callback` once after `ms`; returns a function that cancels it. Never keeps the process alive. */
  after(ms: number, callback: () => void): () => void;
}

/** Something to close; what was opened last is closed first. */
export interface Disposable {
  dispose(): void | Promise<void>;
}
