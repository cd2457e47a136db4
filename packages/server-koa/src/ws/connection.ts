// One WebSocket connection: reads its frames, checks them, and hands them to the table of frames.
import { LaminaError, type Lamina } from '@lamina/core';
import type { WebSocket } from 'ws';
import { requireScope } from '../middleware/authentication.js';
import { errorFrame, runCall } from './call.js';
import type { Peer } from './peer.js';
import { readFrame, type AcceptedFrames } from './read-frame.js';

/** The closing code of a server that shuts down (RFC 6455, 7.4.1). */
const goingAway = 1001;

/**
 * The codes of a client that wants nothing more: it called `close()`, or its page was left (RFC 6455, 7.4.1: normal
 * closure, going away, no code). With any other code the connection was lost.
 */
const deliberateCloses: ReadonlySet<number> = new Set([1000, goingAway, 1005]);

/** A client's connection. */
export class WebSocketConnection {
  #isAlive = true;

  constructor(
    private readonly webSocket: WebSocket,
    private readonly peer: Peer,
    private readonly accepted: AcceptedFrames,
  ) {
    const { caller, lamina, outbox, tasks } = peer;
    webSocket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    for (const control of ['ping', 'pong'] as const) webSocket.on(control, () => this.#markAlive());
    // After an error, such as a frame that is too large, ws closes the connection with the code for it.
    webSocket.on('error', (error) => lamina.log.debug({ err: error }, 'A WebSocket connection failed'));
    webSocket.once('close', (code) => tasks.detachAll(deliberateCloses.has(code)));
    outbox.send({ type: 'hello', protocol: 'lamina.v1', session: sessionOf(lamina), scopes: [...caller.scopes] });
  }

  /** Sends a ping, and ends the connection when the last ping was not answered. */
  checkAlive(): void {
    if (!this.#isAlive) return this.webSocket.terminate();
    this.#isAlive = false;
    // A slow reader gets the ping behind what it has not read yet, so reading counts as an answer.
    if (this.peer.outbox.full) this.peer.outbox.onDrain(() => this.#markAlive());
    this.webSocket.ping();
  }

  /** Accepts no new chat, and closes when the last one has ended. */
  closeGracefully(): void {
    this.peer.tasks.close(() => this.webSocket.close(goingAway));
  }

  /** Ends all chats and closes. */
  closeNow(): void {
    this.closeGracefully();
    this.peer.tasks.abortAll(new LaminaError('SHUTTING_DOWN', {}));
    this.webSocket.close(goingAway);
  }

  #markAlive(): void {
    this.#isAlive = true;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#markAlive();
    const { peer, accepted } = this;
    const share = peer.inbox.takeShare();
    if (!peer.outbox.isOpen) return share.release(); // Nobody would get a reply.
    const read = readFrame(data, isBinary, accepted);
    let done: void | Promise<void> = undefined;
    try {
      if ('problem' in read) throw read.problem;
      const { frame, known } = read;
      requireScope(peer.caller, known.scope === 'any' ? undefined : known.scope, `The frame "${frame.type}"`);
      done =
        'call' in known
          ? runCall(peer, frame.id, (signal) => known.call(frame as never, peer, signal))
          : known.run(frame as never, peer);
      if (known.isLarge !== true) done = undefined;
    } catch (error) {
      peer.outbox.send(errorFrame(peer, read.id, error));
    }
    if (done === undefined) share.release();
    else void done.then(() => share.release());
    this.#pauseWhenOverfull();
  }

  // Nothing more is read from a client that sends frames and does not read the replies.
  #pauseWhenOverfull(): void {
    const { outbox } = this.peer;
    if (!outbox.overfull || this.webSocket.isPaused) return;
    this.webSocket.pause();
    outbox.onDrain(() => this.webSocket.resume());
  }
}

function sessionOf({ events }: Lamina): string {
  return events.last.slice(0, events.last.lastIndexOf('-'));
}
