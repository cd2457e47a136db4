// Sends frames on one WebSocket, and knows whether the client reads them.
import type { Duplex } from 'node:stream';
import type { ServerFrame } from '@lamina/core/protocol';
import type { WebSocket } from 'ws';

/** The most bytes that are buffered for a client that sends and never reads; chats and events pause long before. */
const maxBuffered = 1024 * 1024;

/** The outgoing frames of a connection. */
export class Outbox {
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly webSocket: WebSocket,
    private readonly socket: Duplex,
  ) {
    socket.on('drain', () => {
      for (const run of this.#waiting.splice(0)) run();
    });
  }

  /** False once the connection ends: what is sent is discarded then. */
  get isOpen(): boolean {
    return this.webSocket.readyState === this.webSocket.OPEN;
  }

  /** True while the client reads more slowly than it is sent to. */
  get full(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** True when nothing more should be read from the client, so that it cannot ask for more. */
  get overfull(): boolean {
    return this.webSocket.bufferedAmount > maxBuffered;
  }

  /** Runs once when all that was buffered has been sent. */
  onDrain(run: () => void): void {
    this.#waiting.push(run);
  }

  send(frame: ServerFrame): void {
    this.#sendText(JSON.stringify(frame));
  }

  /** Sends frames that are already JSON with one system call. */
  sendAll(frames: readonly string[]): void {
    this.socket.cork();
    for (const frame of frames) this.#sendText(frame);
    this.socket.uncork();
  }

  #sendText(frame: string): void {
    if (this.isOpen) this.webSocket.send(frame);
  }
}
