// What goes out on one socket, and whether it takes more.
import type { Duplex } from 'node:stream';
import type { ServerFrame } from '@lamina/core/protocol';
import type { WebSocket } from 'ws';

/** What a client that asks and never reads may make this process keep, in bytes; chats and events stop long before. */
const mostBuffered = 1024 * 1024;

/** Sends frames on a socket. */
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

  /** True while the client does not read as fast as it is written to. */
  get full(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** True when nothing more should be read from a client, so that it can ask for nothing more. */
  get overfull(): boolean {
    return this.webSocket.bufferedAmount > mostBuffered;
  }

  /** Runs once when a full socket has taken everything. */
  onDrain(run: () => void): void {
    this.#waiting.push(run);
  }

  send(frame: ServerFrame): void {
    this.sendText(JSON.stringify(frame));
  }

  /** Sends a frame that is written already. After the end of the connection it is dropped. */
  sendText(frame: string): void {
    if (this.webSocket.readyState === this.webSocket.OPEN) this.webSocket.send(frame);
  }

  /** What `write` sends goes out together. */
  together(write: () => void): void {
    this.socket.cork();
    try {
      write();
    } finally {
      this.socket.uncork();
    }
  }
}
