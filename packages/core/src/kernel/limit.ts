// A call that must end: by itself, by its caller's signal, or by a limit.

/** What a limited call is given; its signal is aborted when the caller's is, or when the time has passed. */
export interface Limited {
  readonly signal: AbortSignal;
}

/**
 * Runs `run`, which may take `ms`; then it fails with the error `late` makes. Rejects as soon as the signal is aborted
 * or the time has passed, whether or not `run` heeds its own signal. Listeners and timer are gone when it settles. What
 * `run` answers at once is answered at once.
 */
export function withLimit<T>(
  signal: AbortSignal,
  ms: number,
  late: () => Error,
  run: (limited: Limited) => T | Promise<T>,
): T | Promise<T> {
  signal.throwIfAborted();
  const limit = new Limit(signal, ms, late);
  let answer: T | Promise<T> | undefined;
  try {
    answer = run(limit);
    return isPromise(answer) ? Promise.race([limit.passed, answer]).finally(() => limit.end()) : answer;
  } finally {
    if (!isPromise(answer)) limit.end();
  }
}

/**
 * Made when it is first looked at: most calls answer at once, and signals and timers are dear where there are
 * thousands.
 */
class Limit implements Limited {
  private controller: AbortController | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly passOn = () => this.controller!.abort(this.caller.reason);

  constructor(
    private readonly caller: AbortSignal,
    private readonly ms: number,
    private readonly late: () => Error,
  ) {}

  get signal(): AbortSignal {
    return (this.controller ??= this.begin()).signal;
  }

  /** Rejects when the signal is aborted. */
  get passed(): Promise<never> {
    const { signal } = this;
    const rejection = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason as Error);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    rejection.catch(() => undefined);
    return rejection;
  }

  end(): void {
    if (this.controller === undefined) return;
    clearTimeout(this.timer);
    this.caller.removeEventListener('abort', this.passOn);
  }

  private begin(): AbortController {
    const controller = new AbortController();
    this.timer = setTimeout(() => controller.abort(this.late()), Math.min(this.ms, 2 ** 31 - 1));
    if (this.caller.aborted) controller.abort(this.caller.reason);
    this.caller.addEventListener('abort', this.passOn, { once: true });
    return controller;
  }
}

/** True for anything that can be awaited. */
export function isPromise<T>(answer: T | Promise<T>): answer is Promise<T> {
  return typeof (answer as Promise<T> | undefined)?.then === 'function';
}
