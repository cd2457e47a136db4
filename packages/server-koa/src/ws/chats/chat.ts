// One chat over a WebSocket. It keeps its latest chunks and survives the loss of its connection, with `keep` also its close:
// a client can continue it on another one. On each connection it ends exactly once, with `chat.done` or `chat.error`.
import { randomUUID } from 'node:crypto';
import {
  LaminaError,
  usageOptions,
  type AcquireProgress,
  type EventSink,
  type ForwardResult,
  type JsonObject,
} from '@lamina/core';
import type { ClientFrame, ServerFrame, Usage, WireError } from '@lamina/core/protocol';
import { visibleError } from '../../middleware/redaction.js';
import type { Peer } from '../peer.js';
import { ChunkBuffer } from './chunk-buffer.js';

/**
 * How many characters are kept of what a connection was sent: what is on its way when it is lost, until that is noticed.
 * That is half a minute at 300 chunks of 200 characters a second.
 */
const keptSize = 2 * 1024 * 1024;

/** How many are kept for a client without a connection, before the engine has to wait. */
const detachedSize = 2 * keptSize;

type Request = ClientFrame<'chat.start'>['request'];

/** The connection that reads a chat. */
interface Attachment {
  readonly peer: Peer;
  /** The id that this connection has for the chat. */
  readonly id: string;
  /** The number of the next chunk to send. */
  next: number;
  /** The latest progress, when it has not been sent. */
  progress: AcquireProgress | undefined;
  /** Whether it waits for the client to read. */
  isWaiting: boolean;
}

/** How a chat ended. */
type ChatEnd = { readonly error: WireError } | { readonly usage?: Usage; readonly finish_reason?: string };

/** A chat. */
export class Chat implements EventSink {
  /** The secret that resumes the chat. It is in no log and no event, unlike the id of the request. */
  readonly secret = randomUUID();
  /** Whose chat it is: see {@link Peer.owner}. */
  readonly owner: string;
  readonly #requestId = randomUUID();
  readonly #controller = new AbortController();
  readonly #chunks = new ChunkBuffer();
  readonly #waiting: (() => void)[] = [];
  #attachment: Attachment | undefined;
  #progress: AcquireProgress | undefined;
  #end: ChatEnd | undefined;

  constructor(
    private readonly starter: Pick<Peer, 'lamina' | 'caller' | 'headers' | 'owner'>,
    /** Whether it also continues when its client closes the connection itself. */
    private readonly keep: boolean,
    /** Called when it has lost or left its connection, or ended without one. */
    private readonly onDetached: () => void,
  ) {
    this.owner = starter.owner;
  }

  get isAttached(): boolean {
    return this.#attachment !== undefined;
  }

  /** Whether the engine has done its work. */
  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Whether it was cancelled. */
  get isAborted(): boolean {
    return this.#controller.signal.aborted;
  }

  /** The size of what it keeps, in characters. */
  get size(): number {
    return this.#chunks.size;
  }

  /** Ends the chat, and the engine's work on it. */
  abort(reason: LaminaError): void {
    this.#controller.abort(reason);
  }

  /**
   * Sends the chat to a connection, from the chunk after this number on. A connection that had it before gets an error.
   * @throws LaminaError `CHUNKS_LOST`, `REQUEST_INVALID` for a number that is too large, and what `Tasks.begin` throws
   */
  attach(peer: Peer, id: string, after: number): void {
    const { last, oldest } = this.#chunks;
    if (after > last)
      throw new LaminaError('REQUEST_INVALID', {
        message: `"after" is ${after}, but the last chunk of this chat is number ${last}.`,
        param: 'after',
      });
    if (after + 1 < oldest) throw new LaminaError('CHUNKS_LOST', { after, oldest });
    const attachment = { peer, id, next: after + 1, progress: this.#progress, isWaiting: false };
    peer.tasks.begin(id, {
      kind: 'chat',
      abort: (reason) => this.abort(reason),
      detach: (isDeliberate) => this.#detach(attachment, isDeliberate),
    });
    const previous = this.#attachment;
    this.#attachment = attachment;
    previous?.peer.tasks.end(previous.id, lastFrame(previous, { error: takenOver.toWire() }));
    peer.outbox.send({ type: 'chat.accepted', id, chat: this.secret, request: this.#requestId });
    this.#send(attachment);
  }

  /** Runs the chat; never rejects. */
  async run(request: Request): Promise<void> {
    try {
      this.#end = endOf(await this.#forward(request));
    } catch (thrown) {
      const { signal } = this.#controller;
      const error = LaminaError.from(signal.aborted ? signal.reason : thrown);
      if (error.code === 'INTERNAL')
        this.starter.lamina.log.error(
          { err: error.cause, request: this.#requestId },
          'A chat failed with an internal error',
        );
      this.#end = { error: error.toWire() };
    }
    const attachment = this.#attachment;
    if (attachment?.peer.outbox.isOpen !== true) this.#leave();
    else if (!attachment.isWaiting || attachment.next > this.#chunks.last) this.#send(attachment);
  }

  write(events: readonly string[]): boolean {
    for (const chunk of events) this.#chunks.push(chunk);
    this.#progress = undefined;
    if (this.#attachment !== undefined) {
      this.#attachment.progress = undefined;
      if (!this.#attachment.isWaiting) this.#send(this.#attachment);
    }
    return this.#hasRoom;
  }

  once(_event: 'drain', listener: () => void): void {
    this.#waiting.push(listener);
    if (this.#attachment !== undefined) this.#sendOnDrain(this.#attachment);
  }

  #forward(request: Request): Promise<ForwardResult> {
    const { lamina, caller, headers } = this.starter;
    // As bytes: parsed, the request would take up to 80 times as much memory while it waits.
    const body = Buffer.from(JSON.stringify(withUsage(request)));
    return lamina.inference.forwardEvents(
      { id: this.#requestId, route: 'chat/completions', model: request.model, caller, headers, body, stream: true },
      this,
      { signal: this.#controller.signal, onProgress: (progress) => this.#onProgress(progress) },
    );
  }

  // For a client that does not read, progress frames would pile up, so each replaces the one before.
  #onProgress(progress: AcquireProgress): void {
    this.#progress = progress;
    if (this.#attachment === undefined) return;
    this.#attachment.progress = progress;
    if (this.#attachment.peer.outbox.full) this.#sendOnDrain(this.#attachment);
    else this.#send(this.#attachment);
  }

  /** Whether the engine may write more: what was written is sent and read, or there is space to keep it. */
  get #hasRoom(): boolean {
    const attachment = this.#attachment;
    if (attachment?.peer.outbox.isOpen !== true) return this.#chunks.size < detachedSize;
    return !attachment.isWaiting && !attachment.peer.outbox.full;
  }

  /** Sends what the connection does not have yet, as long as its client reads. */
  #send(attachment: Attachment): void {
    const { peer, id, progress } = attachment;
    // It would be lost. The connection is about to be closed, which detaches the chat.
    if (!peer.outbox.isOpen) return;
    attachment.progress = undefined;
    if (progress !== undefined) peer.outbox.send(progressFrame(id, progress));
    const head = `{"type":"chat.chunk","id":${JSON.stringify(id)},"seq":`;
    while (attachment.next <= this.#chunks.last) {
      const chunks = this.#chunks.batch(attachment.next);
      // A chunk is sent as the engine wrote it.
      peer.outbox.sendAll(chunks.map((chunk, index) => `${head}${attachment.next + index},"chunk":${chunk}}`));
      attachment.next += chunks.length;
      if (attachment.next <= this.#chunks.last && peer.outbox.full) return this.#sendOnDrain(attachment);
    }
    this.#chunks.trim(keptSize, attachment.next);
    if (this.#end !== undefined) this.#finish(attachment, this.#end);
    else if (this.#hasRoom) this.#continueEngine();
    else if (this.#waiting.length > 0) this.#sendOnDrain(attachment);
  }

  #sendOnDrain(attachment: Attachment): void {
    if (attachment.isWaiting) return;
    attachment.isWaiting = true;
    attachment.peer.outbox.onDrain(() => {
      attachment.isWaiting = false;
      if (this.#attachment === attachment) this.#send(attachment);
    });
  }

  #finish(attachment: Attachment, end: ChatEnd): void {
    attachment.peer.tasks.end(attachment.id, lastFrame(attachment, end));
    this.#leave();
  }

  #detach(attachment: Attachment, isDeliberate: boolean): void {
    if (this.#attachment !== attachment) return;
    if (isDeliberate && !this.keep) this.abort(new LaminaError('ABORTED', {}));
    this.#leave();
    if (this.#hasRoom) this.#continueEngine();
  }

  #leave(): void {
    this.#attachment = undefined;
    this.onDetached();
  }

  #continueEngine(): void {
    for (const run of this.#waiting.splice(0)) run();
  }
}

const takenOver = new LaminaError('CONFLICT', { message: 'This chat was resumed, and continues there.' });

function endOf(result: ForwardResult): ChatEnd {
  if (result.kind !== 'answered') return { error: result.error };
  const { usage, finishReason } = result;
  return {
    ...(usage === undefined ? {} : { usage: usage as Usage }),
    ...(finishReason === undefined ? {} : { finish_reason: finishReason }),
  };
}

function lastFrame({ id, peer }: Attachment, end: ChatEnd): ServerFrame<'chat.done' | 'chat.error'> {
  if ('error' in end) return { type: 'chat.error', id, error: visibleError(peer.caller, end.error) };
  return { type: 'chat.done', id, ...end };
}

function progressFrame(id: string, progress: AcquireProgress): ServerFrame<'chat.queued' | 'chat.loading'> {
  if (progress.kind === 'queued') return { type: 'chat.queued', id, position: progress.position };
  const { stage, ratio } = progress;
  return { type: 'chat.loading', id, stage, ...(ratio === undefined ? {} : { ratio }) };
}

/** The request as a stream that ends with its usage. */
function withUsage(request: Request): JsonObject {
  const json = request as unknown as JsonObject;
  return { ...json, stream: true, stream_options: usageOptions(json['stream_options']) };
}
