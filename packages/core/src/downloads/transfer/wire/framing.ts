// Where the body of an answer ends: after its length, its last chunk, or with the connection.
import { Chunked } from './chunked.js';
import type { Head } from './head.js';

/** Tells the bytes of a body from what is around them. */
export interface Framing {
  /** All of the body was taken. */
  readonly complete: boolean;
  /** Bytes came behind the body. */
  readonly overrun: boolean;
  /** The end of the connection is the end of the body. */
  readonly untilClose: boolean;
  /** The bytes of the body among these, moved together in their place. @throws Error for what is no such body */
  take(bytes: Buffer): Buffer;
}

/** How the body that follows a head is framed. @throws Error when the head does not say it clearly */
export function framingOf({ status, headers }: Head): Framing {
  const { 'transfer-encoding': encoding, 'content-length': length } = headers;
  if (status === 204 || status === 304) return new Sized(0);
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== 'chunked')
      throw new Error(`its answer has the transfer encoding "${encoding}", which nobody asked for`);
    if (length !== undefined)
      throw new Error('its answer has both a length and a transfer encoding, of which one must be wrong');
    return new Chunked();
  }
  if (length === undefined) return new UntilClose();
  if (!/^\d{1,15}$/.test(length)) throw new Error(`its answer has the length "${length}"`);
  return new Sized(Number(length));
}

class Sized implements Framing {
  readonly untilClose = false;
  overrun = false;

  constructor(private left: number) {}

  get complete(): boolean {
    return this.left === 0;
  }

  take(bytes: Buffer): Buffer {
    const body = bytes.subarray(0, this.left);
    this.left -= body.length;
    this.overrun = body.length < bytes.length;
    return body;
  }
}

class UntilClose implements Framing {
  readonly untilClose = true;
  readonly complete = false;
  readonly overrun = false;

  take(bytes: Buffer): Buffer {
    return bytes;
  }
}
