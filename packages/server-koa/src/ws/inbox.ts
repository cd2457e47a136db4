// Counts the bytes of messages that ws is receiving: like request bodies, they are limited in memory.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { BodyMemory, BodyShare } from '../request/body-memory.js';

/** The closing code of an overloaded server (RFC 6455, 7.4.1, and its registry). */
const tryAgainLater = 1013;

/** Bytes of a control frame before its data: two of header, four of mask (RFC 6455, 5.2). */
const controlHeaderLength = 6;

/** The memory of one connection's incoming messages. */
export class Inbox {
  #share: BodyShare;

  constructor(
    private readonly webSocket: WebSocket,
    socket: Duplex,
    private readonly memory: BodyMemory,
  ) {
    this.#share = memory.createShare();
    // Before ws reads them, so that the bytes that complete a message are counted for it.
    socket.prependListener('data', (chunk: Buffer) => this.#count(chunk.length));
    for (const control of ['ping', 'pong'] as const) {
      webSocket.on(control, (data) => this.#share.release(controlHeaderLength + data.length));
    }
    webSocket.once('close', () => this.#share.release());
  }

  /** Hands over the memory of the message that has just arrived; the caller releases it. */
  takeShare(): BodyShare {
    const share = this.#share;
    this.#share = this.memory.createShare();
    return share;
  }

  #count(bytes: number): void {
    const admitted = this.#share.add(bytes);
    if (admitted === undefined) return;
    this.webSocket.pause();
    admitted.then(
      () => this.webSocket.resume(),
      () => this.webSocket.close(tryAgainLater, 'The server holds too many request bodies. Try again in a moment.'),
    );
  }
}
