// Keeps a client connected that waits for a stream: comments say what it waits for, so that neither it nor a proxy gives up.
import type { ServerResponse } from 'node:http';
import type { AcquireOptions, ResponseSink } from '@lamina/core';

type Progress = Parameters<NonNullable<AcquireOptions['onProgress']>>[0];

const head = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};
const streamedRoutes = ['chat/completions', 'completions', 'responses', 'messages'];

/** What is known of the request that waits. */
interface WaitingRequest {
  readonly id: string;
  readonly route: string;
  readonly stream: boolean;
}

/**
 * The response to a request, until the engine's answer begins. A request with `stream: true` that has waited for
 * `heartbeatMs` gets the head of its response, and a comment then and after each further interval. Stop it in every case.
 */
export class WaitingStream implements ResponseSink {
  /** Whether the client has the head of a stream that no engine has begun. */
  begun = false;
  /** Whether the engine's answer has begun. */
  headersSent = false;
  readonly #timer: NodeJS.Timeout;
  #comment = 'waiting';

  constructor(
    private readonly response: ServerResponse,
    private readonly request: WaitingRequest,
    heartbeatMs: number,
  ) {
    this.#timer = setInterval(() => this.#beat(), heartbeatMs).unref();
  }

  get writableEnded(): boolean {
    return this.response.writableEnded;
  }

  /** What the next comment says: `queued 3`, `loading weights 40 %`. */
  onProgress(progress: Progress): void {
    if (progress.kind === 'queued') this.#comment = `queued ${progress.position}`;
    else {
      const { stage, ratio } = progress;
      this.#comment = ratio === undefined ? stage : `${stage} ${Math.floor(ratio * 100)} %`;
    }
  }

  /** The head of the engine's answer; a client that has one already gets only the rest. */
  writeHead(status: number, headers: string[]): void {
    this.headersSent = true;
    this.stop();
    if (!this.begun) this.response.writeHead(status, headers);
  }

  flushHeaders(): void {
    this.response.flushHeaders();
  }

  write(chunk: Buffer): boolean {
    return this.response.write(chunk);
  }

  once(event: 'drain', listener: () => void): void {
    this.response.once(event, listener);
  }

  end(): void {
    this.response.end();
  }

  /** Stops the comments. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    if (this.response.destroyed || (!this.begun && !this.#isStream())) return this.stop();
    if (!this.begun) this.response.writeHead(200, { ...head, 'x-request-id': this.request.id });
    this.begun = true;
    // A line break would end the comment; stages come from engines.
    this.response.write(`: ${this.#comment.replace(/[\r\n]+/g, ' ')}\n\n`);
  }

  #isStream(): boolean {
    const { route, stream } = this.request;
    return stream && streamedRoutes.includes(route);
  }
}
