// The bytes of an answer, from whichever client.

import type { AddressGuard } from '../../contract/source.js';

/** A connection that takes longer to come about is given up. */
export const connectMs = 15_000;
/** A connection that nobody uses is kept so long. */
export const idleMs = 10_000;

/** The bytes of an answer. They are asked for once; a chunk is only good until the next one is asked for. */
export interface Body extends AsyncIterable<Uint8Array> {
  /** Lets go of what was not read. Does nothing to one that was read to its end, whose connection can be used again. */
  close(): void;
}

/** What a client brings. */
export interface Reply {
  readonly status: number;
  /** Lower-case names; of several of one name the values are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Body;
}

/** What sends one GET, follows nothing and decodes nothing. */
export interface Client {
  /**
   * Connects only to addresses that the guard lets pass.
   * @throws errors of the connection as they are; the signal's reason
   */
  get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    guard: AddressGuard | undefined,
    signal: AbortSignal,
  ): Promise<Reply>;
  /** Closes every connection. */
  close(): Promise<void>;
}

/**
 * Reads what nobody wants, so that the connection can be used again; after so many bytes another connection is cheaper.
 */
export async function discard(body: Body, most: number): Promise<void> {
  let read = 0;
  for await (const { length } of body) if ((read += length) > most) return;
}
