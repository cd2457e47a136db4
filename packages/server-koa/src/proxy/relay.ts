// One request to an engine: the bytes of its answer go straight to the client, as fast as the client reads, and are never parsed.
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { answerHeaders } from './headers.js';

/** How one request to an engine went. */
export type Outcome =
  /** The client has the whole answer; `tail` is the end of it. */
  | { readonly kind: 'answered'; readonly status: number; readonly tail: readonly Buffer[] }
  /** The engine said no; nothing has been sent to the client. */
  | { readonly kind: 'refused'; readonly status: number; readonly retryAfter: string | undefined; readonly body: Buffer }
  /** No answer began; nothing has been sent to the client. */
  | { readonly kind: 'failed'; readonly error: Error }
  /** The answer broke off; for a stream of events, `tail` is the end of what the client has. */
  | { readonly kind: 'cut'; readonly error: Error; readonly events: boolean; readonly tail: readonly Buffer[] };

/** Where an answer goes: a client's response, or what stands for one. */
export interface AnswerSink {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** False: enough for now; it says `drain` when there is room again. */
  write(chunk: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
  end(): unknown;
}

/** What is kept of an engine's error, in bytes. */
const errorLimit = 256 * 1024;

/** undici's handler for one request. A new one for each attempt. */
export class Relay implements Dispatcher.DispatchHandler {
  /** Resolves once, never rejects. */
  readonly outcome: Promise<Outcome>;
  readonly #response: AnswerSink;
  readonly #requestId: string;
  #settle!: (outcome: Outcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #cancelled: Error | undefined;
  #status = 0;
  #events = false;
  #refusal: { retryAfter: string | undefined; chunks: Buffer[]; bytes: number } | undefined;
  #last: Buffer | undefined;
  #beforeLast: Buffer | undefined;

  constructor(response: AnswerSink, requestId: string) {
    this.#response = response;
    this.#requestId = requestId;
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
    if (status < 200) return;
    this.#status = status;
    if (status >= 300) {
      this.#refusal = { retryAfter: headers['retry-after'], chunks: [], bytes: 0 };
      return;
    }
    this.#events = headers['content-type']?.startsWith('text/event-stream') === true;
    this.#response.writeHead(status, answerHeaders(headers, this.#requestId));
    // A stream's headers do not wait for its first token; when the two came together they go out together.
    process.nextTick(() => this.#flushHeaders());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#refusal !== undefined) {
      this.#refusal.bytes += chunk.length;
      if (this.#refusal.bytes <= errorLimit) this.#refusal.chunks.push(chunk);
      return;
    }
    this.#beforeLast = this.#last;
    this.#last = chunk;
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#refusal !== undefined) {
      const { retryAfter, chunks } = this.#refusal;
      this.#settle({ kind: 'refused', status: this.#status, retryAfter, body: Buffer.concat(chunks) });
      return;
    }
    this.#response.end();
    this.#settle({ kind: 'answered', status: this.#status, tail: this.#tail() });
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#settle(this.#response.headersSent ? { kind: 'cut', error, events: this.#events, tail: this.#tail() } : { kind: 'failed', error });
  }

  #flushHeaders(): void {
    if (this.#last === undefined && !this.#response.writableEnded) this.#response.flushHeaders();
  }

  #tail(): Buffer[] {
    return [this.#beforeLast, this.#last].filter((chunk) => chunk !== undefined);
  }
}
