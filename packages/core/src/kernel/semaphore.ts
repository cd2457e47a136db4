// Limits how many operations run at once.

/** A counting semaphore. Waiting callers are served in the order in which they asked. */
export class Semaphore {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  /** Resolves with a function that releases the permit; calling it again does nothing. @throws the signal's reason */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.free > 0) this.free -= 1;
    else await this.enqueue(signal);
    let held = true;
    return () => {
      if (held) this.release();
      held = false;
    };
  }

  private enqueue(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onGranted = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        this.waiting.splice(this.waiting.indexOf(onGranted), 1);
        reject(signal.reason as Error);
      };
      this.waiting.push(onGranted);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  private release(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free += 1;
    else next();
  }
}
