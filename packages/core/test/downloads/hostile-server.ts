// A real HTTP server that sends files in every wrong way that servers do.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** One request, and how often its file was requested before. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly content: Buffer;
  /** What the Range header requests; the whole file without one. */
  readonly from: number;
  readonly to: number;
  readonly ranged: boolean;
  /** 0 for the first request of the file. */
  readonly count: number;
  /** False: the server does not send the length of the file. */
  readonly sized: boolean;
  readonly server: HostileServer;
}

export type Behaviour = (exchange: Exchange) => void;

export interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** Serves each file under its path. Close it. */
export class HostileServer {
  readonly seen: Seen[] = [];
  private readonly files = new Map<string, { content: Buffer; behaviour: Behaviour; sized: boolean; count: number }>();
  /** How many connections it has accepted. */
  connections = 0;
  private readonly server: Server;

  private constructor(private readonly certificate: { key: string; cert: string } | undefined) {
    const onRequest = (request: IncomingMessage, response: ServerResponse) => this.answer(request, response);
    this.server = certificate === undefined ? createServer(onRequest) : createSecureServer(certificate, onRequest);
    this.server.on('connection', () => (this.connections += 1));
  }

  static async open(certificate?: { key: string; cert: string }): Promise<HostileServer> {
    const hostile = new HostileServer(certificate);
    hostile.server.listen(0, '127.0.0.1');
    await once(hostile.server, 'listening');
    return hostile;
  }

  get origin(): string {
    return `${this.certificate === undefined ? 'http' : 'https'}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Serves a file and returns its address. With `sized: false` it does not send the length. */
  serve(
    path: string,
    content: Buffer,
    behaviour: Behaviour = honest,
    { sized = true }: { sized?: boolean } = {},
  ): string {
    this.files.set(path, { content, behaviour, sized, count: 0 });
    return `${this.origin}${path}`;
  }

  requests(path: string): readonly Seen[] {
    return this.seen.filter((seen) => seen.path === path);
  }

  /** Closes every connection, like a server that is killed. */
  cut(): void {
    this.server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    if (this.server.listening) await once(this.server, 'close');
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url!.split('?')[0]!;
    this.seen.push({ path: request.url!, headers: request.headers });
    const file = this.files.get(path);
    response.on('error', () => undefined);
    if (file === undefined) return void response.writeHead(404).end();
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const { content } = file;
    const last = to === undefined || to === '' ? content.length : Math.min(Number(to) + 1, content.length);
    file.behaviour({
      request,
      response,
      content,
      from: Number(from ?? 0),
      to: last,
      ranged: from !== undefined,
      count: file.count++,
      sized: file.sized,
      server: this,
    });
  }
}

const etags = new WeakMap<Buffer, string>();

/** `"<hash>"`: the ETag of an honest server for this content, which must not change. Computed once, not per request. */
export function etagOf(content: Buffer): string {
  const etag = etags.get(content) ?? `"${sha256Of(content).slice(0, 16)}"`;
  etags.set(content, etag);
  return etag;
}

export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Unique bytes that look like a GGUF file. */
export function ggufBytes(length: number): Buffer {
  const bytes = randomBytes(Math.max(length, 4));
  bytes.write('GGUF', 0, 'latin1');
  return bytes.subarray(0, length);
}

/** The head of an honest response; `undefined` when there is no body to send. */
export function head(
  { request, response, content, from, to, ranged, sized }: Exchange,
  more: Record<string, string> = {},
): { from: number; to: number } | undefined {
  const headers = {
    'accept-ranges': 'bytes',
    etag: etagOf(content),
    'content-type': 'application/octet-stream',
    ...more,
  };
  const condition = request.headers['if-range'];
  if (!ranged || (condition !== undefined && condition !== headers.etag)) {
    response.writeHead(200, { ...headers, ...lengthOf(content.length, sized) });
    return { from: 0, to: content.length };
  }
  if (from >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return undefined;
  }
  response.writeHead(206, {
    ...headers,
    ...lengthOf(to - from, sized),
    'content-range': `bytes ${from}-${to - 1}/${sized ? content.length : '*'}`,
  });
  return { from, to };
}

function lengthOf(bytes: number, sized: boolean): Record<string, number> {
  return sized ? { 'content-length': bytes } : {};
}

export const honest: Behaviour = (exchange) => {
  const body = head(exchange);
  if (body !== undefined) exchange.response.end(exchange.content.subarray(body.from, body.to));
};

/** Does not support ranges. */
export const withoutRanges: Behaviour = (exchange) => honest({ ...exchange, ranged: false });

/** Does not support ranges, and sends no length or version. */
export const withoutLengths: Behaviour = ({ response, content }) => {
  response.writeHead(200);
  response.write(content.subarray(0, content.length / 2));
  response.end(content.subarray(content.length / 2));
};

/** Closes the connection after this many bytes of each response. */
export function dropping(bytes: number, base: Behaviour = honest): Behaviour {
  return (exchange) => {
    const body = head(base === honest ? exchange : { ...exchange, ranged: false });
    if (body === undefined) return;
    const end = Math.min(body.to, body.from + bytes);
    const { response, content } = exchange;
    if (end === body.to) response.end(content.subarray(body.from, end));
    else response.write(content.subarray(body.from, end), () => response.destroy());
  };
}

/** Sends this many bytes of the first responses and then nothing more, without ending them. */
export function stalling(answers: number, bytes: number): Behaviour {
  return (exchange) => {
    if (exchange.count >= answers) return honest(exchange);
    const body = head(exchange);
    if (body !== undefined)
      exchange.response.write(exchange.content.subarray(body.from, Math.min(body.to, body.from + bytes)));
  };
}

/** Sends this share of each response and then nothing more, without ending it. */
export function halting(share: number): Behaviour {
  return (exchange) => {
    const body = head(exchange);
    if (body !== undefined)
      exchange.response.write(
        exchange.content.subarray(body.from, body.from + Math.ceil((body.to - body.from) * share)),
      );
  };
}

/** Sends this many bytes every few milliseconds. */
export function trickling(bytes: number, everyMs: number): Behaviour {
  return (exchange) => {
    const body = head(exchange);
    if (body === undefined) return;
    const { response, content } = exchange;
    let at = body.from;
    const timer = setInterval(() => {
      if (response.destroyed || at >= body.to) {
        clearInterval(timer);
        return void response.end();
      }
      response.write(content.subarray(at, Math.min(at + bytes, body.to)));
      at += bytes;
    }, everyMs);
    response.on('close', () => clearInterval(timer));
  };
}

/** The first responses have a status and headers of their own. */
export function failing(answers: number, status: number, headers: Record<string, string> = {}): Behaviour {
  return (exchange) =>
    exchange.count < answers ? void exchange.response.writeHead(status, headers).end('no') : honest(exchange);
}
