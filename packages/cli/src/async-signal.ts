// Lets one reader wait for the next notification.

/** Notified by events, awaited by one reader. A notification without a reader is kept for the next one. */
export class AsyncSignal {
  private notified = false;
  private wake: () => void = () => undefined;

  notify(): void {
    this.notified = true;
    this.wake();
  }

  /** Resolves after a notification since the last call. @throws the signal's reason */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.notified) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        signal.addEventListener('abort', this.wakeForAbort, { once: true });
      });
      signal.removeEventListener('abort', this.wakeForAbort);
    }
    signal.throwIfAborted();
    this.notified = false;
  }

  private readonly wakeForAbort = (): void => this.wake();
}
