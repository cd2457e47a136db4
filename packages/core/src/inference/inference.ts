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
import type { InferenceRequests, LeasedRequest } from './request.js';
import { cutReason, send, type SendOutcome } from './send.js';
import { Upstreams } from './upstreams.js';
import { usageIn } from './usage.js';

/** Runs inference requests, whichever way they come in. */
export class InferenceService implements Inference {
  readonly #upstreams = new Upstreams();

  constructor(private readonly requests: InferenceRequests) {}

  open(request: IncomingRequest, options: AcquireOptions): Promise<InferenceHandle> {
    return this.requests.open(request, options);
  }

  forward(request: ForwardRequest, sink: ResponseSink, options: AcquireOptions): Promise<ForwardResult> {
    return this.#run(request, sink, options);
  }

  forwardEvents(request: ForwardRequest, sink: EventSink, options: AcquireOptions): Promise<ForwardResult> {
    const stopped = new AbortController();
    const reader = new EventReader(sink, () => stopped.abort());
    return this.#run(
      request,
      reader,
      { ...options, signal: AbortSignal.any([options.signal, stopped.signal]) },
      reader,
    );
  }

  /** Closes all connections to engines; call it when no request is under way. */
  close(): Promise<void> {
    return this.#upstreams.close();
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
  const usage = reader === undefined ? usageIn(outcome.tail) : reader.usage;
  const cut = (error: LaminaError | WireError, status: number, served: boolean): ForwardResult => {
    handle.finish({ status, served, error, cut: true, ...usagePart(usage) });
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
  handle.finish({ status, served: true, ...usagePart(usage) });
  return {
    kind: 'answered',
    status,
    ...usagePart(usage),
    ...(reader?.finishReason === undefined ? {} : { finishReason: reader.finishReason }),
  };
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

function usagePart(usage: JsonObject | undefined): { usage?: JsonObject } {
  return usage === undefined ? {} : { usage };
}

const eventEnd = Buffer.from('\n\n');

function endsEvent(tail: readonly Buffer[]): boolean {
  const last = tail.at(-1);
  return last === undefined || last.subarray(-2).equals(eventEnd);
}
