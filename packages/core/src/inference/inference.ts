// The inference service: one request from its hooks to the last byte of its answer.
import { randomUUID } from 'node:crypto';
import type {
  ChatRequest,
  ChatStream,
  CompletionRequest,
  CompletionStream,
  EmbedRequest,
  EmbedResult,
  InferenceOptions,
} from '../contract/chat.js';
import { LaminaError } from '../contract/errors.js';
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
import { failureOf } from '../kernel/abort.js';
import { endOf, type RunResult } from './answer-end.js';
import { BodySink } from './body-sink.js';
import { InferenceChat } from './chat-stream.js';
import { InferenceCompletion, throwFailure, type Run } from './inference-stream.js';
import { EventReader, type ChunkSink } from './events.js';
import { incoming, readEmbeddings, withUsage } from './in-process.js';
import type { LeasedRequest } from './leased-request.js';
import type { InferenceRequests } from './request.js';
import { send } from './send.js';
import { TransformedAnswer } from './transformed-answer.js';
import { Upstreams } from './upstreams.js';

/** Runs inference requests, whichever way they come in. */
export class InferenceService implements Inference {
  readonly #upstreams = new Upstreams();
  /** The requests that have not finished. */
  readonly #unfinished = new Set<Promise<unknown>>();
  /** The requests that others opened and have not finished. */
  readonly #handles = new Set<LeasedRequest>();

  constructor(private readonly requests: InferenceRequests) {}

  chat(request: ChatRequest, options: InferenceOptions = {}): ChatStream {
    const { id = randomUUID(), signal } = options;
    return new InferenceChat(id, this.#runStream('chat/completions', request, { ...options, id }), signal);
  }

  complete(request: CompletionRequest, options: InferenceOptions = {}): CompletionStream {
    const { id = randomUUID(), signal } = options;
    return new InferenceCompletion(id, this.#runStream('completions', request, { ...options, id }), signal);
  }

  async embed(request: EmbedRequest, options: InferenceOptions = {}): Promise<EmbedResult> {
    const { signal = new AbortController().signal } = options;
    try {
      const sink = new BodySink(request.model);
      const asked = incoming('embeddings', { ...request, encoding_format: 'float' }, options);
      throwFailure(await this.#runBytes(asked, sink, { ...options, signal }));
      return readEmbeddings(sink.json());
    } catch (error) {
      throw failureOf(error, signal);
    }
  }

  async open(request: IncomingRequest, options: AcquireOptions): Promise<InferenceHandle> {
    const handle = await this.#track(this.requests.open(request, options));
    this.#handles.add(handle);
    handle.onFinish = () => void this.#handles.delete(handle);
    return handle;
  }

  async forward(request: ForwardRequest, sink: ResponseSink, options: AcquireOptions): Promise<ForwardResult> {
    return forwardResult(await this.#runBytes(request, sink, options));
  }

  async forwardEvents(request: ForwardRequest, sink: EventSink, options: AcquireOptions): Promise<ForwardResult> {
    const chunks: ChunkSink = {
      write: (list) => sink.write(list.map(({ data, json }) => data ?? JSON.stringify(json))),
      once: (event, listener) => sink.once(event, listener),
    };
    return forwardResult(await this.#runChunks(request, chunks, options));
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

  #runStream(route: string, request: ChatRequest | CompletionRequest, options: InferenceOptions): Run {
    return (queue, signal) =>
      this.#runChunks(incoming(route, withUsage(request), options), queue, { ...options, signal });
  }

  #runChunks(request: ForwardRequest, sink: ChunkSink, options: AcquireOptions): Promise<RunResult> {
    const stopped = new AbortController();
    const signal = AbortSignal.any([options.signal, stopped.signal]);
    return this.#run(request, { ...options, signal }, (handle) => {
      const collect = () => this.requests.collectChanges(handle, true, signal).chunkChanges;
      const reader = new EventReader(sink, () => stopped.abort(), collect);
      return { sink: reader, reader };
    });
  }

  /** As {@link #run}, for an answer as bytes. */
  #runBytes(request: ForwardRequest, sink: ResponseSink, options: AcquireOptions): Promise<RunResult> {
    return this.#run(request, options, (handle) => ({ sink: this.#answerSink(handle, sink, options.signal) }));
  }

  #answerSink(handle: LeasedRequest, sink: ResponseSink, signal: AbortSignal): ResponseSink {
    if (!this.requests.changesAnswers && !this.requests.needsUsage) return sink;
    return new TransformedAnswer(sink, {
      collect: (isStream) => this.requests.collectChanges(handle, isStream, signal),
      withholdsUsage: () => handle.withholdsUsage,
    });
  }

  #run(
    request: ForwardRequest,
    options: AcquireOptions,
    sinkFor: (handle: LeasedRequest) => Receiver,
  ): Promise<RunResult> {
    return this.#track(this.#send(request, options, sinkFor));
  }

  async #send(
    request: ForwardRequest,
    options: AcquireOptions,
    sinkFor: (handle: LeasedRequest) => Receiver,
  ): Promise<RunResult> {
    const handle = await this.requests.open(request, options);
    try {
      handle.needsUsage = this.requests.needsUsage;
      const { sink, reader } = sinkFor(handle);
      const { method = 'POST', route, search = '' } = request;
      const sending = { method, target: route + search, sink, signal: options.signal };
      const outcome = await send(handle, sending, this.#upstreams);
      return await endOf(handle, outcome, options.signal, reader);
    } catch (thrown) {
      const error = failureOf(thrown, options.signal);
      handle.finish({ status: error.status, served: false, error });
      throw thrown;
    }
  }
}

/** Where an answer goes; `reader` is the sink when it reads the answer as events. */
interface Receiver {
  readonly sink: ResponseSink;
  readonly reader?: EventReader;
}

function forwardResult(result: RunResult): ForwardResult {
  if (result.kind !== 'cut') return result;
  return { ...result, error: LaminaError.is(result.error) ? result.error.toWire() : result.error };
}
