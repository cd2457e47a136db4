// The inference service: one request from its hooks to the last byte of its answer.
import { LaminaError, type WireError } from '../contract/errors.js';
import type {
  EventSink,
  ForwardRequest,
  ForwardResult,
  IncomingRequest,
  Inference,
  InferenceHandle,
  ResponseSink,
} from '../contract/inference.js';
import type { AcquireOptions } from '../contract/runtime.js';
import type { JsonObject } from '../contract/schema.js';
import { readEngineError, redactError } from './engine-error.js';
import { EventReader } from './events.js';
import type { LeasedRequest } from './leased-request.js';
import type { InferenceRequests } from './request.js';
import { cutReason, send, type SendOutcome } from './send.js';
import { Upstreams } from './upstreams.js';
import { finishReasonIn, usageIn } from './usage.js';

/** Runs inference requests, whichever way they come in. */
export class InferenceService implements Inference {
  readonly #upstreams = new Upstreams();
  /** The requests that have not finished. */
  readonly #unfinished = new Set<Promise<unknown>>();
  /** The requests that others opened and have not finished. */
  readonly #handles = new Set<LeasedRequest>();

  constructor(private readonly requests: InferenceRequests) {}

  async open(request: IncomingRequest, options: AcquireOptions): Promise<InferenceHandle> {
    const handle = await this.#track(this.requests.open(request, options));
    this.#handles.add(handle);
    handle.onFinish = () => void this.#handles.delete(handle);
    return handle;
  }

  forward(request: ForwardRequest, sink: ResponseSink, options: AcquireOptions): Promise<ForwardResult> {
    return this.#track(this.#run(request, sink, options));
  }

  forwardEvents(request: ForwardRequest, sink: EventSink, options: AcquireOptions): Promise<ForwardResult> {
    const stopped = new AbortController();
    const reader = new EventReader(sink, () => stopped.abort());
    const signal = AbortSignal.any([options.signal, stopped.signal]);
    return this.#track(this.#run(request, reader, { ...options, signal }, reader));
  }

  /**
   * Waits until every request has finished, and closes all connections to engines. Call it when the runtime has ended the
   * leases, which ends what is under way.
   */
  async close(): Promise<void> {
    await Promise.allSettled(this.#unfinished);
    const error = new LaminaError('SHUTTING_DOWN', {});
    for (const handle of this.#handles) handle.finish({ status: error.status, served: false, error });
    await this.#upstreams.close();
  }

  #track<T>(request: Promise<T>): Promise<T> {
    const forget = () => this.#unfinished.delete(request);
    this.#unfinished.add(request);
    request.then(forget, forget);
    return request;
  }

  async #run(
    request: ForwardRequest,
    sink: ResponseSink,
    options: AcquireOptions,
    reader?: EventReader,
  ): Promise<ForwardResult> {
    const handle = await this.requests.open(request, options);
    try {
      const { method = 'POST', route, search = '' } = request;
      const sending = { method, target: route + search, sink, signal: options.signal };
      const outcome = await send(handle, sending, this.#upstreams);
      return await endOf(handle, outcome, options.signal, reader);
    } catch (thrown) {
      const error = LaminaError.from(thrown);
      handle.finish({ status: error.status, served: false, error });
      throw thrown;
    }
  }
}

/** Finishes the request, and describes how it ended. */
async function endOf(
  handle: LeasedRequest,
  outcome: SendOutcome,
  signal: AbortSignal,
  reader: EventReader | undefined,
): Promise<ForwardResult> {
  const { endpoint } = outcome;
  if (outcome.kind === 'refused') return refusedEnd(handle, outcome);
  const end =
    reader === undefined ? { usage: usageIn(outcome.tail), finishReason: finishReasonIn(outcome.tail) } : reader;
  const known = knownEnd(end);
  const cut = (error: LaminaError | WireError, status: number, served: boolean): ForwardResult => {
    handle.finish({ status, served, error, cut: true, ...known });
    return {
      kind: 'cut',
      error: LaminaError.is(error) ? error.toWire() : error,
      isEventStream: outcome.kind === 'cut' && outcome.isEventStream,
      midEvent: !endsEvent(outcome.tail),
      aborted: signal.aborted && reader?.error === undefined,
    };
  };
  if (reader?.error !== undefined) return cut(redactError(reader.error, endpoint), 502, true);
  if (outcome.kind === 'cut') {
    const { aborted } = signal;
    const error = aborted ? LaminaError.from(signal.reason) : await cutReason(handle, outcome.error, endpoint);
    return cut(error, error.status, aborted);
  }
  if (reader?.isComplete === false) {
    const error = await cutReason(handle, new Error('it ended without a finish_reason'), endpoint);
    return cut(error, error.status, false);
  }
  const { status } = outcome;
  handle.finish({ status, served: true, ...known });
  return { kind: 'answered', status, ...known };
}

function refusedEnd(handle: LeasedRequest, refused: Extract<SendOutcome, { kind: 'refused' }>): ForwardResult {
  const { body, endpoint, retryAfter } = refused;
  const { adapt } = handle.lease;
  const about = { model: handle.target.model, route: handle.request.route };
  const adapted = adapt?.error?.(refused.status, body, about) ?? readEngineError(refused.status, body);
  const error = redactError(LaminaError.is(adapted) ? adapted.toWire() : adapted, endpoint);
  // A redirect, for example, would show the client where the engine is.
  const engineStatus = refused.status >= 400 && refused.status < 600 ? refused.status : 502;
  const status = LaminaError.is(adapted) ? adapted.status : engineStatus;
  handle.finish({ status, served: true, error });
  return { kind: 'refused', status, error, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

interface AnswerEnd {
  readonly usage: JsonObject | undefined;
  readonly finishReason: string | undefined;
}

function knownEnd({ usage, finishReason }: AnswerEnd): { usage?: JsonObject; finishReason?: string } {
  return {
    ...(usage === undefined ? {} : { usage }),
    ...(finishReason === undefined ? {} : { finishReason }),
  };
}

const eventEnd = Buffer.from('\n\n');

function endsEvent(tail: readonly Buffer[]): boolean {
  const last = tail.at(-1);
  return last === undefined || last.subarray(-2).equals(eventEnd);
}
