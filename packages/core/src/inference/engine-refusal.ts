// The error that an engine's refusal becomes where it is thrown.
import { LaminaError, type WireError } from '../contract/errors.js';

const retryableStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

/** An engine's refusal. Its status and its JSON form are the engine's, so that a server answers with them. */
export class EngineRefusal extends LaminaError<'ENGINE_REFUSED'> {
  /** `retryAfter` is the engine's header. */
  constructor(
    status: number,
    readonly wire: WireError,
    retryAfter?: string,
  ) {
    const seconds = Number(retryAfter);
    const { message } = wire;
    super('ENGINE_REFUSED', { message, status, error: wire, ...(seconds > 0 ? { retry_after: seconds } : {}) });
  }

  override get status(): number {
    return this.details['status'] as number;
  }

  override get retryable(): boolean {
    return retryableStatuses.has(this.status) || (this.status >= 500 && this.status !== 501);
  }

  override toWire(): WireError {
    return this.wire;
  }
}
