// One response to a client: JSON as a whole, or server-sent events.
import type { ServerResponse } from 'node:http';
import { errorResponse } from './errors.js';

/** A response in progress. */
export class Reply {
  private readonly left = new AbortController();

  constructor(private readonly response: ServerResponse) {
    response.on('close', () => void (response.writableFinished || this.left.abort()));
    response.on('error', () => undefined); // `close` reports a client that has disconnected.
  }

  /** Aborted when the client disconnects. */
  get signal(): AbortSignal {
    return this.left.signal;
  }

  json(body: object, status = 200): void {
    const text = JSON.stringify(body);
    this.response
      .writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(text),
      })
      .end(text);
  }

  /** Sends an event; the first opens the stream. */
  event(data: object): void {
    if (!this.response.headersSent)
      this.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    this.response.write(`data: ${JSON.stringify(data)}\n\n`);
  }

  /** Ends the stream. `aside` is what Lamina reads and clients do not: a comment of the stream. */
  done(aside?: object): void {
    const comment = aside === undefined ? '' : `: ${JSON.stringify(aside)}\n\n`;
    this.response.end(`${comment}data: [DONE]\n\n`);
  }

  /** Sends an error as the response, or as the end of a stream that has begun, then without [DONE]. */
  fail(error: unknown): void {
    if (this.response.destroyed || this.signal.aborted) return;
    const { status, body } = errorResponse(error);
    if (!this.response.headersSent) return this.json(body, status);
    this.event(body);
    this.response.end();
  }
}
