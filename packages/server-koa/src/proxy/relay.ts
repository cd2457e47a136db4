// One request to an engine: the bytes of its answer go straight to the client, as fast as the client reads, and are
// never parsed.
import type { IncomingHttpHeaders } from 'node:http';
import type { Lease } from '@lamina/core';
import type { Dispatcher } from 'undici';
import { answerHeaders, isEventStream } from './headers.js';

/** How one request to an engine went. */
export type Outcome =
  /** The client has the whole answer; `tail` is the end of it. */
  | { readonly kind: 'answered'; readonly status: number; readonly tail: readonly Buffer[] }
  /** The engine said no; nothing has been sent to the client. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly retryAfter: string | undefined;
      readonly body: Buffer;
    }
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

/** What is read of an engine's error, in bytes. */
const errorLimit = 256 * 1024;

/** What came of an engine's error so far. */
interface Refusal {
  readonly retryAfter: string | undefined;
  readonly chunks: Buffer[];
  bytes: number;
}

/** undici's handler for one request. A new one for each attempt. */
export class Relay implements Dispatcher.DispatchHandler {
  /** Resolves once, never rejects. */
  readonly outcome: Promise<Outcome>;
  readonly #response: AnswerSink;
  readonly #requestId: string;
  readonly #lease: Pick<Lease, 'touch'>;
  #settle!: (outcome: Outcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #cancelled: Error | undefined;
  #status = 0;
  #events = false;
  #refusal: Refusal | undefined;
  #last: Buffer | undefined;
  #beforeLast: Buffer | undefined;

  constructor(response: AnswerSink, requestId: string, lease: Pick<Lease, 'touch'>) {
    this.#response = response;
    this.#requestId = requestId;
    this.#lease = lease;
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
    this.#lease.touch();
    if (status < 200) return;
    this.#status = status;
    if (status >= 300) {
      this.#refusal = { retryAfter: headers['retry-after'], chunks: [], bytes: 0 };
      return;
    }
    this.#events = isEventStream(headers);
    this.#response.writeHead(status, answerHeaders(headers, this.#requestId));
    // A stream's headers do not wait for its first token; when the two came together they go out together.
    process.nextTick(() => this.#flushHeaders());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#lease.touch();
    if (this.#refusal !== undefined) {
      this.#refusal.bytes += chunk.length;
      this.#refusal.chunks.push(chunk);
      if (this.#refusal.bytes > errorLimit) this.#endRefusal(controller, this.#refusal);
      return;
    }
    this.#beforeLast = this.#last;
    this.#last = chunk;
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#refusal !== undefined) return this.#refuse(this.#refusal);
    this.#response.end();
    this.#settle({ kind: 'answered', status: this.#status, tail: this.#tail() });
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#settle(
      this.#response.headersSent
        ? { kind: 'cut', error, events: this.#events, tail: this.#tail() }
        : { kind: 'failed', error },
    );
  }

  #refuse({ retryAfter, chunks }: Refusal): void {
    this.#settle({
      kind: 'refused',
      status: this.#status,
      retryAfter,
      body: Buffer.concat(chunks).subarray(0, errorLimit),
    });
  }

  // An error that does not end is no reason to wait: it is told with what came of it.
  #endRefusal(controller: Dispatcher.DispatchController, refusal: Refusal): void {
    this.#refuse(refusal);
    controller.abort(new Error('its error is too long'));
  }

  #flushHeaders(): void {
    if (this.#last === undefined && !this.#response.writableEnded) this.#response.flushHeaders();
  }

  #tail(): Buffer[] {
    return [this.#beforeLast, this.#last].filter((chunk) => chunk !== undefined);
  }
}
