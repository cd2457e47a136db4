// What is measured and told of one request: `request.started` when it was read, `request.finished` when it has ended.
import type { Caller } from '../contract/caller.js';
import type { Clock } from '../contract/context.js';
import { LaminaError, wireType, type WireError } from '../contract/errors.js';
import type { EventData } from '../contract/events.js';
import type { RequestOutcome } from '../contract/inference.js';
import type { WaitTimes } from '../contract/runtime.js';
import type { EventBus } from '../kernel/event-bus.js';
import { tokensIn, type TokenCounts } from './usage.js';

/** A request as it was read. */
export interface ReadRequest {
  readonly id: string;
  readonly model: string;
  readonly route: string;
  readonly caller: Caller;
  /** Whether the client asked for a stream. */
  readonly stream: boolean;
}

const maxNameLength = 200;

/** The report of one request. It emits `request.started` at once, and `request.finished` when it is finished first. */
export class RequestReport {
  readonly #startedAt: number;
  #model: string;
  #route: string;
  #answeredBy: string | undefined;
  #wait: WaitTimes = { queueMs: 0, loadMs: 0 };
  #leasedAt: number | undefined;
  #firstByteAt: number | undefined;
  #isFinished = false;

  constructor(
    private readonly request: ReadRequest,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {
    this.#startedAt = clock.now();
    this.#model = request.model;
    this.#route = request.route;
    events.emit('request.started', this.#about());
  }

  /** What the hooks and the names of models made of the request. */
  resolved(model: string, route: string): void {
    this.#model = model;
    this.#route = route;
  }

  /** How long it waited for its model. */
  waited({ queueMs, loadMs }: WaitTimes): void {
    this.#wait = { queueMs: this.#wait.queueMs + queueMs, loadMs: this.#wait.loadMs + loadMs };
  }

  /** `answeredBy`: the model that answers. */
  leased(answeredBy: string): void {
    this.#answeredBy = answeredBy;
    this.#leasedAt = this.clock.now();
  }

  /** Call it when bytes of the answer arrive. */
  received(): void {
    this.#firstByteAt ??= this.clock.now();
  }

  /** Only the first call has an effect. */
  finish({ status, usage, finishReason, error, cut }: RequestOutcome): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const now = this.clock.now();
    const tokens = tokensIn(usage);
    const perSecond = this.#tokensPerSecond(tokens, now);
    this.events.emit('request.finished', {
      ...this.#about(),
      ...(this.#answeredBy === undefined || this.#answeredBy === this.#model ? {} : { answered_by: this.#answeredBy }),
      status,
      ms: now - this.#startedAt,
      queue_ms: this.#wait.queueMs,
      load_ms: this.#wait.loadMs,
      ...(this.#firstByteAt === undefined ? {} : { ttft_ms: this.#firstByteAt - this.#startedAt }),
      ...tokens,
      ...(perSecond === undefined ? {} : { tokens_per_second: perSecond }),
      ...(finishReason === undefined ? {} : { finish_reason: finishReason }),
      ...(usage === undefined ? {} : { usage }),
      ...(error === undefined ? {} : { error: publicError(status, error) }),
      ...(cut === true ? { cut } : {}),
    });
  }

  #about(): EventData<'request.started'> {
    const { id, caller, stream } = this.request;
    return {
      request: id,
      model: this.#model.slice(0, maxNameLength), // A client can name a model as long as a body may be.
      route: this.#route,
      via: caller.via,
      ...(caller.name === undefined ? {} : { key: caller.name }),
      stream,
    };
  }

  /** Of a stream, from its first byte on; of a body, which comes when all is done, from the lease on. */
  #tokensPerSecond({ completion_tokens: count }: TokenCounts, now: number): number | undefined {
    const since = this.request.stream ? this.#firstByteAt : this.#leasedAt;
    if (count === undefined || since === undefined || now <= since) return undefined;
    return Math.round((count / (now - since)) * 10_000) / 10;
  }
}

/**
 * An error as others than the client may see it: what could quote the request, as an engine's or a plugin's refusal
 * may, is left out.
 */
function publicError(status: number, error: LaminaError | WireError): WireError {
  const code = error.code.slice(0, maxNameLength);
  return { message: publicMessage(status, error), type: wireType(status), code };
}

function publicMessage(status: number, error: LaminaError | WireError): string {
  if (!LaminaError.is(error)) return 'The engine refused the request.';
  return status >= 500 ? error.message : `The request failed with ${status} ${error.code}.`;
}
