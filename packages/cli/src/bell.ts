// Wakes one who waits; a bell that rang while nobody waited is heard by the next who does.

/** Rung by events, heard by one reader. */
export class Bell {
  private rang = false;
  private wake: () => void = () => undefined;

  ring(): void {
    this.rang = true;
    this.wake();
  }

  /** Resolves when it has rung since it was last heard. @throws the signal's reason */
  async rung(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.rang) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        signal.addEventListener('abort', this.ringForAbort, { once: true });
      });
      signal.removeEventListener('abort', this.ringForAbort);
    }
    signal.throwIfAborted();
    this.rang = false;
  }

  private readonly ringForAbort = (): void => this.wake();
}
