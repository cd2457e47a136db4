// Counts what a client has sent of a message that is not complete yet: ws gathers it, and it is a request body like any
// other.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { BodyMemory, BodyShare } from '../proxy/body-memory.js';

/** RFC 6455, 7.4.1, and its registry: the server is overloaded. */
const tryAgainLater = 1013;

/** Bytes of a control frame before its data: two of header, four of mask (RFC 6455, 5.2). */
const controlHead = 6;

/** The memory of one connection's incoming messages. */
export class Inbox {
  #share: BodyShare;

  constructor(
    private readonly webSocket: WebSocket,
    socket: Duplex,
    private readonly memory: BodyMemory,
  ) {
    this.#share = memory.open();
    // Before ws reads them: what completes a message is counted to that message.
    socket.prependListener('data', (chunk: Buffer) => this.#count(chunk.length));
    for (const control of ['ping', 'pong'] as const) {
      webSocket.on(control, (data) => this.#share.release(controlHead + data.length));
    }
    webSocket.once('close', () => this.#share.release());
  }

  /** The memory of the message that has just come; whoever takes it releases it. */
  take(): BodyShare {
    const share = this.#share;
    this.#share = this.memory.open();
    return share;
  }

  #count(bytes: number): void {
    const room = this.#share.add(bytes);
    if (room === undefined) return;
    this.webSocket.pause();
    room.then(
      () => this.webSocket.resume(),
      () => this.webSocket.close(tryAgainLater, 'The server holds too many request bodies; try again in a moment.'),
    );
  }
}
