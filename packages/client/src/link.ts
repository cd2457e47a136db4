// One connection to the server, from its handshake to its end: reads frames, and notices when the server is gone.

/** A frame of the server. */
export interface ServerFrame {
  readonly type: string;
  readonly id?: string;
  readonly [field: string]: unknown;
}

/** How a connection ended. */
export interface Loss {
  /** The code of the WebSocket's close; missing when there was none. */
  readonly code?: number;
  readonly reason: string;
}

/** The code of a close after which the server keeps chats for a while; after those of a page that is left, it ends them. */
const lost = 4000;

/** How long what has already arrived may take to be read, in milliseconds. */
const graceMs = 50;

/** A connection. */
export class Link {
  /** Resolves when the connection has ended; never rejects. */
  readonly ended: Promise<Loss>;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #resolve: (loss: Loss) => void;
  /** Whether the server has sent anything since the last ping. */
  #isAlive = false;
  #failure = 'The connection failed.';

  constructor(
    private readonly socket: WebSocket,
    /** Milliseconds between two pings, and for the handshake. */
    heartbeat: number,
    onFrame: (frame: ServerFrame) => void,
  ) {
    let resolve!: (loss: Loss) => void;
    this.ended = new Promise((fulfil) => (resolve = fulfil));
    this.#resolve = resolve;
    socket.onmessage = ({ data }) => {
      this.#isAlive = true;
      const frame = parse(data);
      if (frame === undefined) this.#end({ reason: 'The server sent something else than a frame.' });
      else onFrame(frame);
    };
    // `ws` says what failed; a browser does not.
    socket.onerror = (event) => (this.#failure = (event as { message?: string }).message ?? this.#failure);
    socket.onclose = ({ code, reason }) => this.#end({ code, reason: reason === '' ? this.#failure : reason });
    this.#timer = setInterval(() => this.#checkAlive(heartbeat), heartbeat);
  }

  send(frame: object): void {
    // What is sent on a socket that is closing is sent again on the next one.
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  /** Ends the connection, and what goes on over it. */
  close(): void {
    this.socket.close();
    this.#end({ reason: 'The client was closed.' });
  }

  #checkAlive(heartbeat: number): void {
    if (this.#isAlive) {
      this.#isAlive = false;
      return this.send({ type: 'ping', id: 'ping' });
    }
    // After a pause of the whole program, this timer runs before what arrived meanwhile is read.
    setTimeout(() => {
      if (this.#isAlive) return;
      this.#end({ reason: `The server has not answered for ${heartbeat / 1000} s.` });
      // `ws` would wait for the server to confirm the close.
      (this.socket as { terminate?: () => void }).terminate?.();
    }, graceMs);
  }

  #end(loss: Loss): void {
    const { socket } = this;
    clearInterval(this.#timer);
    // `ws` throws errors that nobody listens for.
    socket.onmessage = socket.onclose = socket.onerror = () => undefined;
    socket.close(lost);
    this.#resolve(loss);
  }
}

function parse(data: unknown): ServerFrame | undefined {
  try {
    const frame = JSON.parse(data as string) as Partial<ServerFrame> | null;
    return typeof frame?.type === 'string' ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}
