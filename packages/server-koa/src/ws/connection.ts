// One WebSocket connection: handles its frames, and keeps track of what they started.
import { downloadView, LaminaError, modelView, type Lamina, type LaminaEvent, type Scope } from '@lamina/core';
import type { ClientFrame, ClientFrameType, ServerFrame } from '@lamina/core/protocol';
import type { WebSocket } from 'ws';
import { EventFeed } from '../events/feed.js';
import { filterFor } from '../events/filter.js';
import { requireScope } from '../middleware/authentication.js';
import { visibleError } from '../middleware/redaction.js';
import type { BodyShare } from '../request/body-memory.js';
import { downloadRequest } from '../routes/downloads.js';
import { Chat } from './chat.js';
import type { Peer } from './peer.js';
import { readFrame } from './read-frame.js';

/** The limits of one connection. */
export interface WebSocketLimits {
  /** Chats, subscriptions and calls at once. */
  readonly tasks: number;
  /** The largest frame, in bytes. */
  readonly frameBytes: number;
}

/** What a frame started, under the frame's id. */
interface Task {
  readonly kind: 'chat' | 'subscription' | 'call';
  abort(reason: LaminaError): void;
}

/** Type of frame → the scope it needs. Frames that are missing here need any valid key. */
const requiredScopes: { readonly [Type in ClientFrameType]?: Scope } = {
  'chat.start': 'inference',
  'chat.cancel': 'inference',
  'chat.resume': 'inference',
  'model.start': 'manage',
  'model.stop': 'manage',
  'download.start': 'manage',
  'download.cancel': 'manage',
};

/** The closing code of a server that shuts down (RFC 6455, 7.4.1). */
const goingAway = 1001;

/** A client's connection. */
export class WebSocketConnection {
  readonly #tasks = new Map<string, Task>();
  #isAlive = true;
  #isClosing = false;

  constructor(
    private readonly webSocket: WebSocket,
    private readonly peer: Peer,
    private readonly limits: WebSocketLimits,
  ) {
    webSocket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    for (const control of ['ping', 'pong'] as const) webSocket.on(control, () => this.#markAlive());
    // After an error, such as a frame that is too large, ws closes the connection with the code for it.
    webSocket.on('error', (error) => peer.lamina.log.debug({ err: error }, 'A WebSocket connection failed'));
    webSocket.once('close', () => this.#abortAll(new LaminaError('ABORTED', {})));
    peer.outbox.send({ type: 'hello', protocol: 'lamina.v1', session: sessionOf(peer.lamina) });
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
    this.#isClosing = true;
    this.#closeWhenIdle();
  }

  /** Ends all chats and closes. */
  closeNow(): void {
    this.#isClosing = true;
    this.#abortAll(new LaminaError('SHUTTING_DOWN', {}));
    this.webSocket.close(goingAway);
  }

  #markAlive(): void {
    this.#isAlive = true;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#markAlive();
    const share = this.peer.inbox.takeShare();
    const read = readFrame(data, isBinary, this.limits.frameBytes);
    // The request of a chat is kept until the chat has ended, other frames only until they are read.
    if (!('frame' in read) || read.frame.type !== 'chat.start') share.release();
    if ('frame' in read) this.#handle(read.frame, share);
    else this.peer.outbox.send(this.#errorFrame(read.id, read.problem));
    this.#pauseWhenOverfull();
  }

  #handle(frame: ClientFrame, share: BodyShare): void {
    try {
      requireScope(this.peer.caller, requiredScopes[frame.type], `The frame "${frame.type}"`);
      this.#dispatch(frame, share);
    } catch (error) {
      share.release();
      this.peer.outbox.send(this.#errorFrame(frame.id, error));
    }
  }

  #dispatch(frame: ClientFrame, share: BodyShare): void {
    switch (frame.type) {
      case 'chat.start':
        return this.#startChat(frame, share);
      case 'chat.cancel':
        return this.#cancelChat(frame.id);
      case 'events.subscribe':
        return this.#subscribe(frame);
      case 'events.unsubscribe':
        return this.#unsubscribe(frame.id);
      case 'model.start':
        return this.#callModel(frame, (model, signal) => this.peer.lamina.runtime.start(model, { signal }));
      case 'model.stop':
        return this.#callModel(frame, (model, signal) =>
          this.peer.lamina.runtime.stop(model, { signal, reason: 'requested' }),
        );
      case 'download.start':
        return this.#startDownload(frame);
      case 'download.cancel':
        return this.#call(frame.id, async () => downloadView(await this.peer.lamina.downloads.cancel(frame.download)));
      case 'ping':
        return this.peer.outbox.send({ type: 'pong', id: frame.id });
      case 'chat.resume':
        throw new LaminaError('NOT_SUPPORTED', { message: `The frame "${frame.type}" is not supported yet.` });
    }
  }

  #startChat({ id, request }: ClientFrame<'chat.start'>, share: BodyShare): void {
    const chat = new Chat(id, this.peer);
    this.#begin(id, { kind: 'chat', abort: (reason) => chat.abort(reason) });
    void chat.run(request).then((lastFrame) => {
      share.release();
      this.#end(id, lastFrame);
    });
  }

  #cancelChat(id: string): void {
    const task = this.#tasks.get(id);
    if (task?.kind === 'chat') task.abort(new LaminaError('ABORTED', {}));
  }

  #subscribe({ id, types, since }: ClientFrame<'events.subscribe'>): void {
    const { lamina, outbox } = this.peer;
    const filter = filterFor(this.peer.caller, types);
    const subscription: Task = { kind: 'subscription', abort: () => feed?.stop() };
    this.#begin(id, subscription);
    outbox.send({ type: 'reply', id, result: { last: lamina.events.last } });
    const reader = {
      get full() {
        return outbox.full;
      },
      onDrain: (run: () => void) => outbox.onDrain(run),
      event: (event: LaminaEvent) => outbox.send({ type: 'event', id, event }),
      reset: (oldest: string) => outbox.send({ type: 'reset', id, oldest }),
    };
    const feed = new EventFeed(lamina.events, filter, reader, since);
  }

  #unsubscribe(id: string): void {
    const task = this.#tasks.get(id);
    if (task?.kind !== 'subscription')
      throw new LaminaError('REQUEST_INVALID', {
        message: `There is no subscription "${id}" on this connection.`,
        param: 'id',
      });
    task.abort(new LaminaError('ABORTED', {}));
    this.#tasks.delete(id);
    this.peer.outbox.send({ type: 'reply', id, result: {} });
  }

  #callModel(
    { id, model }: ClientFrame<'model.start' | 'model.stop'>,
    work: (model: string, signal: AbortSignal) => Promise<unknown>,
  ): void {
    const { lamina } = this.peer;
    const target = lamina.models.resolve(model);
    this.#call(id, async (signal) => {
      await work(target.served.name, signal);
      return modelView(lamina, lamina.models.get(target.model.name)!);
    });
  }

  /** The download continues when the connection ends. */
  #startDownload({ id, request }: ClientFrame<'download.start'>): void {
    const download = downloadRequest(request);
    const { lamina, guard } = this.peer;
    this.#call(id, async (signal) => downloadView(await lamina.downloads.start(download, { signal, guard })));
  }

  /** Sends a reply when the work is done. */
  #call(id: string, work: (signal: AbortSignal) => Promise<object>): void {
    const controller = new AbortController();
    this.#begin(id, { kind: 'call', abort: (reason) => controller.abort(reason) });
    work(controller.signal).then(
      (result) => this.#end(id, { type: 'reply', id, result: result as never }),
      (error: unknown) => this.#end(id, this.#errorFrame(id, error)),
    );
  }

  #begin(id: string, task: Task): void {
    if (this.#isClosing) throw new LaminaError('SHUTTING_DOWN', {});
    if (this.#tasks.has(id))
      throw new LaminaError('CONFLICT', {
        message: `The id "${id}" is in use on this connection. Choose another id, or wait until it is free.`,
        param: 'id',
      });
    if (this.#tasks.size >= this.limits.tasks)
      throw new LaminaError('CONFLICT', {
        message: `This connection has ${this.#tasks.size} chats, subscriptions and calls under way, which is the limit. Wait for one to end, or open another connection.`,
      });
    this.#tasks.set(id, task);
  }

  /** Sends the last frame of a task, when its id is free again. */
  #end(id: string, lastFrame: ServerFrame): void {
    this.#tasks.delete(id);
    this.peer.outbox.send(lastFrame);
    this.#closeWhenIdle();
  }

  #errorFrame(id: string | undefined, thrown: unknown): ServerFrame<'error'> {
    const { lamina, caller } = this.peer;
    const error = LaminaError.from(thrown);
    if (error.code === 'INTERNAL')
      lamina.log.error({ err: error.cause }, 'A WebSocket frame failed with an internal error');
    return { type: 'error', ...(id === undefined ? {} : { id }), error: visibleError(caller, error.toWire()) };
  }

  // Nothing more is read from a client that sends frames and does not read the replies.
  #pauseWhenOverfull(): void {
    const { outbox } = this.peer;
    if (!outbox.overfull || this.webSocket.isPaused) return;
    this.webSocket.pause();
    outbox.onDrain(() => this.webSocket.resume());
  }

  #abortAll(reason: LaminaError): void {
    for (const task of this.#tasks.values()) task.abort(reason);
  }

  #closeWhenIdle(): void {
    if (this.#isClosing && ![...this.#tasks.values()].some(({ kind }) => kind !== 'subscription'))
      this.webSocket.close(goingAway);
  }
}

function sessionOf({ events }: Lamina): string {
  return events.last.slice(0, events.last.lastIndexOf('-'));
}
