// A body in chunks (RFC 9112, 7.1). Extensions and trailers are read and thrown away.
import type { Framing } from './framing.js';
import { Lines } from './lines.js';

const mostLineBytes = 16_384;

/** Takes a body out of its chunks. */
export class Chunked implements Framing {
  readonly untilClose = false;
  overrun = false;
  private readonly lines = new Lines(mostLineBytes);
  private awaits: 'size' | 'data' | 'end of data' | 'trailers' | 'nothing' = 'size';
  /** Bytes of the present chunk that have yet to come. */
  private left = 0;

  get complete(): boolean {
    return this.awaits === 'nothing';
  }

  take(bytes: Buffer): Buffer {
    let at = 0;
    let kept = 0;
    while (at < bytes.length && !this.complete) {
      if (this.awaits === 'data') {
        const end = Math.min(bytes.length, at + this.left);
        bytes.copyWithin(kept, at, end);
        kept += end - at;
        this.count(end - at);
        at = end;
      } else {
        const line = this.lines.next(bytes, at);
        at = line?.end ?? bytes.length;
        if (line !== undefined) this.read(line.text);
      }
    }
    this.overrun = at < bytes.length;
    return bytes.subarray(0, kept);
  }

  private count(data: number): void {
    this.left -= data;
    if (this.left > 0) return;
    this.awaits = 'end of data';
    this.lines.renew();
  }

  private read(line: string): void {
    if (this.awaits === 'trailers') {
      if (line === '') this.awaits = 'nothing';
    } else if (this.awaits === 'end of data') {
      if (line !== '') throw new Error('its answer has a chunk that is longer than it says');
      this.awaits = 'size';
    } else {
      const [, size] = /^([\da-f]{1,13})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
      if (size === undefined) throw new Error('its answer has a chunk that does not say how long it is');
      this.left = parseInt(size, 16);
      this.awaits = this.left === 0 ? 'trailers' : 'data';
    }
  }
}
