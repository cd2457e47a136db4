// A web server with one file whose second half can be held back.
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Computed once: a second of CPU time. */
const content = Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, index) => (index * 7 + (index >> 8)) & 255));

/** Serves the same bytes at every path, also by ranges. */
export class FileServer {
  readonly content = content;
  /** Bytes sent so far. */
  sent = 0;
  private held = false;
  private readonly waiting = new Set<() => void>();
  private readonly events = new EventEmitter();

  private constructor(private readonly http: Server) {}

  static async open(): Promise<FileServer> {
    const http = createServer((request, response) => void server.respond(request, response)).listen(0, '127.0.0.1');
    const server = new FileServer(http);
    await once(http, 'listening');
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Holds back the second half until `release`. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    for (const resume of this.waiting) resume();
    this.waiting.clear();
  }

  /** Resolves when a client leaves before its response is complete. */
  async abandoned(): Promise<void> {
    await once(this.events, 'abandoned');
  }

  async close(): Promise<void> {
    this.release();
    this.http.closeAllConnections();
    this.http.close();
    await once(this.http, 'close');
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { length } = this.content;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const from = Number(first ?? 0);
    const to = last === undefined || last === '' ? length - 1 : Math.min(Number(last), length - 1);
    const range = first === undefined ? {} : { 'content-range': `bytes ${from}-${to}/${length}` };
    response.writeHead(first === undefined ? 200 : 206, {
      etag: '"one"',
      'accept-ranges': 'bytes',
      'content-length': to - from + 1,
      ...range,
    });
    response.once('close', () => response.writableFinished || this.events.emit('abandoned'));
    const half = Math.floor(length / 2);
    this.send(response, from, Math.min(to + 1, half));
    if (to + 1 > half && this.held) await new Promise<void>((resume) => this.waiting.add(resume));
    if (response.destroyed) return;
    this.send(response, Math.max(from, half), to + 1);
    response.end();
  }

  private send(response: ServerResponse, from: number, to: number): void {
    if (from >= to || response.destroyed) return;
    this.sent += to - from;
    response.write(this.content.subarray(from, to));
  }
}
