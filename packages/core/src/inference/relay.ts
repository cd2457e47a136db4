// One request to an engine: passes the bytes of the answer to a sink, as fast as the sink accepts them, without parsing.
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { ResponseSink } from '../contract/inference.js';
import { answerHeaders, isEventStream } from './headers.js';

/** How one request to an engine went. */
export type RelayOutcome =
  /** The sink has the whole answer; `tail` is the end of it. */
  | { readonly kind: 'answered'; readonly status: number; readonly tail: readonly Buffer[] }
  /** The engine refused; the sink is untouched. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly retryAfter: string | undefined;
      readonly body: Buffer;
    }
  /** No answer began; the sink is untouched. `bySink`: it refused the answer by throwing, so no other attempt helps. */
  | { readonly kind: 'failed'; readonly error: Error; readonly bySink: boolean }
  /** The answer broke off, or the sink refused to take more of it; `tail` is the end of what the sink has. */
  | {
      readonly kind: 'cut';
      readonly error: Error;
      readonly bySink: boolean;
      readonly isEventStream: boolean;
      readonly tail: readonly Buffer[];
    };

/** Hears of the answer. */
export interface RelayObserver {
  /** Called when bytes of the answer arrive, its head included. */
  onBytes(): void;
  /** Called when the body of the answer begins. */
  onFirstData(chunk: Buffer): void;
}

/** How much of an engine's error is read, in bytes. */
const errorLimit = 256 * 1024;

/** An engine's error as far as it has been read. */
interface Refusal {
  readonly retryAfter: string | undefined;
  readonly chunks: Buffer[];
  bytes: number;
}

/** undici's handler for one request. A new one for each attempt. */
export class Relay implements Dispatcher.DispatchHandler {
  /** Resolves once, never rejects. */
  readonly outcome: Promise<RelayOutcome>;
  readonly #sink: ResponseSink;
  readonly #requestId: string;
  readonly #observer: RelayObserver;
  #settle!: (outcome: RelayOutcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #cancelled: Error | undefined;
  #isCancelledBySink = false;
  #status = 0;
  #isEventStream = false;
  #refusal: Refusal | undefined;
  #last: Buffer | undefined;
  #beforeLast: Buffer | undefined;

  constructor(sink: ResponseSink, requestId: string, observer: RelayObserver) {
    this.#sink = sink;
    this.#requestId = requestId;
    this.#observer = observer;
    this.outcome = new Promise((resolve) => (this.#settle = resolve));
  }

  /** Ends the request at once, on both sides of the engine's connection. */
  cancel(reason: Error): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = reason;
    this.#controller?.abort(reason);
    this.onResponseError(undefined, reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#cancelled !== undefined) controller.abort(this.#cancelled);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#observer.onBytes();
    if (status < 200) return;
    this.#status = status;
    if (status >= 300) {
      this.#refusal = { retryAfter: headers['retry-after'], chunks: [], bytes: 0 };
      return;
    }
    this.#isEventStream = isEventStream(headers);
    if (!this.#try(() => this.#sink.writeHead(status, answerHeaders(headers, this.#requestId)))) return;
    // The headers of a stream do not wait for its first token, but are sent together with it when both have arrived.
    process.nextTick(() => this.#flushHeaders());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#observer.onBytes();
    if (this.#refusal !== undefined) {
      this.#refusal.bytes += chunk.length;
      this.#refusal.chunks.push(chunk);
      if (this.#refusal.bytes > errorLimit) this.#endRefusal(controller, this.#refusal);
      return;
    }
    if (this.#last === undefined) this.#observer.onFirstData(chunk);
    this.#beforeLast = this.#last;
    this.#last = chunk;
    let isFull = false;
    if (!this.#try(() => (isFull = !this.#sink.write(chunk))) || !isFull) return;
    controller.pause();
    this.#sink.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#refusal !== undefined) return this.#refuse(this.#refusal);
    if (this.#try(() => this.#sink.end())) this.#settle({ kind: 'answered', status: this.#status, tail: this.#tail() });
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    const bySink = this.#isCancelledBySink;
    this.#settle(
      this.#sink.headersSent
        ? { kind: 'cut', error, bySink, isEventStream: this.#isEventStream, tail: this.#tail() }
        : { kind: 'failed', error, bySink },
    );
  }

  // Thrown on, undici would report it as a failure of the engine.
  #try(use: () => unknown): boolean {
    try {
      use();
      return true;
    } catch (error) {
      this.#isCancelledBySink = this.#cancelled === undefined;
      this.cancel(error as Error);
      return false;
    }
  }

  #refuse({ retryAfter, chunks }: Refusal): void {
    this.#settle({
      kind: 'refused',
      status: this.#status,
      retryAfter,
      body: Buffer.concat(chunks).subarray(0, errorLimit),
    });
  }

  // An error that does not end is answered with what has been read of it.
  #endRefusal(controller: Dispatcher.DispatchController, refusal: Refusal): void {
    this.#refuse(refusal);
    controller.abort(new Error('the error is too long'));
  }

  #flushHeaders(): void {
    if (this.#last === undefined && !this.#sink.writableEnded) this.#sink.flushHeaders();
  }

  #tail(): Buffer[] {
    return [this.#beforeLast, this.#last].filter((chunk) => chunk !== undefined);
  }
}
