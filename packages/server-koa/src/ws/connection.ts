// One WebSocket: what its frames ask for, and what is under way on it.
import { downloadView, LaminaError, modelView, type Lamina } from '@lamina/core';
import type { ClientFrame, ClientFrameType } from '@lamina/core/protocol';
import type { WebSocket } from 'ws';
import { EventFeed } from '../events/feed.js';
import { filterFor } from '../events/filter.js';
import { requireScope } from '../middleware/authentication.js';
import { wireForScopes } from '../middleware/error-body.js';
import type { Scope } from '../options.js';
import type { BodyShare } from '../proxy/body-memory.js';
import { downloadRequest } from '../routes/downloads.js';
import { Chat, streamed } from './chat.js';
import type { Peer } from './peer.js';
import { readFrame } from './read-frame.js';

/** What one connection may do. */
export interface ConnectionLimits {
  /** Chats, subscriptions and calls at once. */
  readonly tasks: number;
  /** Bytes of a frame. */
  readonly frameBytes: number;
}

/** Something under way under an id. */
interface Task {
  readonly kind: 'chat' | 'subscription' | 'call';
  end(reason: LaminaError): void;
}

/** Type of frame → the scope it needs; what is missing any key may send. */
const scopes: { readonly [Type in ClientFrameType]?: Scope } = {
  'chat.start': 'inference',
  'chat.cancel': 'inference',
  'chat.resume': 'inference',
  'model.start': 'manage',
  'model.stop': 'manage',
  'download.start': 'manage',
  'download.cancel': 'manage',
};

/** The closing code for a server that goes away (RFC 6455, 7.4.1). */
const goingAway = 1001;

/** A client's connection. */
export class Connection {
  readonly #tasks = new Map<string, Task>();
  #isAlive = true;
  #isLeaving = false;

  constructor(
    private readonly webSocket: WebSocket,
    private readonly peer: Peer,
    private readonly limits: ConnectionLimits,
  ) {
    webSocket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    for (const sign of ['ping', 'pong'] as const) webSocket.on(sign, () => this.#lives());
    // What ws refuses by itself, such as a frame over the hard limit; it closes the connection with the code for it.
    webSocket.on('error', (error) => peer.lamina.log.debug({ err: error }, 'WebSocket lost'));
    webSocket.once('close', () => this.#endAll(new LaminaError('ABORTED', {})));
    peer.outbox.send({ type: 'hello', protocol: 'lamina.v1', session: sessionOf(peer.lamina) });
  }

  /** One beat of the heart: asks for a sign of life, and cuts the connection off when the last one was not answered. */
  beat(): void {
    if (!this.#isAlive) return this.webSocket.terminate();
    this.#isAlive = false;
    // Behind what it has not read yet, a slow reader does not see the ping: that it goes on reading is sign enough.
    if (this.peer.outbox.full) this.peer.outbox.onDrain(() => this.#lives());
    this.webSocket.ping();
  }

  /** Takes no new chat and closes when the last one has ended. */
  leave(): void {
    this.#isLeaving = true;
    this.#closeWhenIdle();
  }

  /** Ends every chat now and closes. */
  cut(): void {
    this.#isLeaving = true;
    this.#endAll(new LaminaError('SHUTTING_DOWN', {}));
    this.webSocket.close(goingAway);
  }

  #lives(): void {
    this.#isAlive = true;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#lives();
    const held = this.peer.inbox.take();
    const read = readFrame(data, isBinary, this.limits.frameBytes);
    // What a chat waits with is held until its end; of all other frames nothing is left once they are read.
    if (!('frame' in read) || read.frame.type !== 'chat.start') held.release();
    if ('frame' in read) this.#serve(read.frame, held);
    else this.#refuse(read.id, read.problem);
    this.#breathe();
  }

  #serve(frame: ClientFrame, held: BodyShare): void {
    try {
      requireScope(this.peer.scopes, scopes[frame.type], `The frame "${frame.type}"`);
      this.#handle(frame, held);
    } catch (error) {
      held.release();
      this.#refuse(frame.id, error);
    }
  }

  #handle(frame: ClientFrame, held: BodyShare): void {
    switch (frame.type) {
      case 'chat.start':
        return this.#startChat(frame, held);
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
        throw new LaminaError('NOT_SUPPORTED', { message: `This server does not know "${frame.type}" yet.` });
    }
  }

  #startChat({ id, request }: ClientFrame<'chat.start'>, held: BodyShare): void {
    const chat = new Chat(id, this.peer);
    this.#begin(id, { kind: 'chat', end: (reason) => chat.end(reason) });
    // As bytes: parsed, the request would take up to 80 times as much memory while it waits.
    void chat.run(request.model, Buffer.from(JSON.stringify(streamed(request)))).then((sayLast) => {
      held.release();
      this.#tasks.delete(id);
      sayLast();
      this.#closeWhenIdle();
    });
  }

  #cancelChat(id: string): void {
    const task = this.#tasks.get(id);
    if (task?.kind === 'chat') task.end(new LaminaError('ABORTED', {}));
  }

  #subscribe({ id, types, since }: ClientFrame<'events.subscribe'>): void {
    const { lamina, outbox } = this.peer;
    const filter = filterFor(this.peer.scopes, types);
    const subscription: Task = { kind: 'subscription', end: () => feed?.stop() };
    this.#begin(id, subscription);
    outbox.send({ type: 'reply', id, result: { last: lamina.events.last } });
    const reader = {
      get full() {
        return outbox.full;
      },
      onDrain: (run: () => void) => outbox.onDrain(run),
      event: (event: { id: string; at: string; type: string }) => outbox.send({ type: 'event', id, event }),
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
    task.end(new LaminaError('ABORTED', {}));
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

  /** The download outlives the connection. */
  #startDownload({ id, request }: ClientFrame<'download.start'>): void {
    const asked = downloadRequest(request);
    const { lamina, guard } = this.peer;
    this.#call(id, async (signal) => downloadView(await lamina.downloads.start(asked, { signal, guard })));
  }

  /** Answers with a reply when the work is done. */
  #call(id: string, work: (signal: AbortSignal) => Promise<object>): void {
    const leaving = new AbortController();
    this.#begin(id, { kind: 'call', end: (reason) => leaving.abort(reason) });
    const ended = (tell: () => void): void => {
      this.#tasks.delete(id);
      tell();
      this.#closeWhenIdle();
    };
    work(leaving.signal).then(
      (result) => ended(() => this.peer.outbox.send({ type: 'reply', id, result: result as never })),
      (error: unknown) => ended(() => this.#refuse(id, error)),
    );
  }

  #begin(id: string, task: Task): void {
    if (this.#isLeaving) throw new LaminaError('SHUTTING_DOWN', {});
    if (this.#tasks.has(id))
      throw new LaminaError('CONFLICT', {
        message: `The id "${id}" is in use on this connection; choose another one, or wait for its end.`,
        param: 'id',
      });
    if (this.#tasks.size >= this.limits.tasks)
      throw new LaminaError('CONFLICT', {
        message: `This connection has ${this.#tasks.size} chats, subscriptions and calls under way, its limit; wait for one to end, or open another connection.`,
      });
    this.#tasks.set(id, task);
  }

  #refuse(id: string | undefined, thrown: unknown): void {
    const { lamina, outbox } = this.peer;
    const error = LaminaError.from(thrown);
    if (error.code === 'INTERNAL')
      lamina.log.error({ err: error.cause }, 'A frame of a WebSocket failed inside Lamina');
    outbox.send({
      type: 'error',
      ...(id === undefined ? {} : { id }),
      error: wireForScopes(this.peer.scopes, error.toWire()),
    });
  }

  // A client that asks on and on and never reads the answers is not read from either.
  #breathe(): void {
    const { outbox } = this.peer;
    if (!outbox.overfull || this.webSocket.isPaused) return;
    this.webSocket.pause();
    outbox.onDrain(() => this.webSocket.resume());
  }

  #endAll(reason: LaminaError): void {
    for (const task of this.#tasks.values()) task.end(reason);
  }

  #closeWhenIdle(): void {
    if (this.#isLeaving && ![...this.#tasks.values()].some(({ kind }) => kind !== 'subscription'))
      this.webSocket.close(goingAway);
  }
}

function sessionOf({ events }: Lamina): string {
  return events.last.slice(0, events.last.lastIndexOf('-'));
}
