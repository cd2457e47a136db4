// A download server on this machine: honest, slow, without ranges, closing connections early, or completing
// pairs at the same time.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Downloadable } from './models.js';

/** How a file is served. `together`: its last bytes are sent with those of its partner. */
export type Manner = 'honest' | 'slow' | 'without ranges' | 'breaks off' | 'together';

const chunkBytes = 64 * 1024;
const slowPauseMs = 60;
const lastBytes = 512;
const partnerMs = 5_000;
const breaks = 3;

interface Served extends Downloadable {
  readonly manner: Manner;
  readonly pair: Pair | undefined;
  breaksLeft: number;
}

/** Two files whose last bytes are sent at the same time. */
export class Pair {
  private readonly arrived = new Set<string>();
  private open!: () => void;
  private readonly both = new Promise<void>((resolve) => (this.open = resolve));

  async meet(filename: string): Promise<void> {
    this.arrived.add(filename);
    if (this.arrived.size === 2) this.open();
    await Promise.race([this.both, delay(partnerMs, undefined, { ref: false })]);
  }
}

/** Serves files. Close it. */
export class DownloadSite {
  private readonly files = new Map<string, Served>();
  private readonly server: Server = createServer((request, response) => {
    this.answer(request, response).catch(() => response.destroy());
  });

  static async open(): Promise<DownloadSite> {
    const site = new DownloadSite();
    site.server.listen(0, '127.0.0.1');
    await once(site.server, 'listening');
    return site;
  }

  /** `127.0.0.1:<port>`. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Serves a file and returns its URL. */
  serve(file: Downloadable, manner: Manner, pair?: Pair): string {
    this.files.set(`/${file.filename}`, { ...file, manner, pair, breaksLeft: manner === 'breaks off' ? breaks : 0 });
    return `http://${this.host}/${file.filename}`;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const file = this.files.get(request.url!);
    if (file === undefined) return void response.writeHead(404).end();
    const range = file.manner === 'without ranges' ? undefined : rangeOf(request, file);
    const [from, to] = range ?? [0, file.content.length];
    const etag = `"${file.sha256.slice(0, 16)}"`;
    response.writeHead(range === undefined ? 200 : 206, {
      etag,
      'content-type': 'application/octet-stream',
      'content-length': to - from,
      ...(file.manner === 'without ranges' ? {} : { 'accept-ranges': 'bytes' }),
      ...(range === undefined ? {} : { 'content-range': `bytes ${from}-${to - 1}/${file.content.length}` }),
    });
    await this.send(response, file, from, to);
  }

  private async send(response: ServerResponse, file: Served, from: number, to: number): Promise<void> {
    await pipeline(this.pieces(file, from, to), response);
  }

  /** Yields the bytes to send; throws where the connection must be closed. */
  private async *pieces(file: Served, from: number, to: number): AsyncGenerator<Buffer> {
    const { content, manner, pair } = file;
    const isLast = to === content.length && to - from > lastBytes;
    const breakAt = isLast && file.breaksLeft-- > 0 ? from + Math.floor((to - from) / 2) : Infinity;
    const held = isLast && pair !== undefined ? to - lastBytes : to;
    for (let at = from; at < held; at += chunkBytes) {
      if (at >= breakAt) throw new Error('It breaks off here.');
      yield content.subarray(at, Math.min(at + chunkBytes, held));
      if (manner === 'slow') await delay(slowPauseMs);
    }
    if (held === to) return;
    await pair!.meet(file.filename);
    yield content.subarray(held, to);
  }
}

function rangeOf({ headers }: IncomingMessage, { content, sha256 }: Downloadable): [number, number] | undefined {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const condition = headers['if-range'];
  if (from === undefined || Number(from) >= content.length) return undefined;
  if (condition !== undefined && condition !== `"${sha256.slice(0, 16)}"`) return undefined;
  return [Number(from), to === '' || to === undefined ? content.length : Math.min(Number(to) + 1, content.length)];
}
