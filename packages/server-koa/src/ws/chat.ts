// One chat over a WebSocket. It ends exactly once, with `chat.done` or `chat.error`.
import { randomUUID } from 'node:crypto';
import { LaminaError, type AcquireProgress, type EventSink, type ForwardResult, type JsonObject } from '@lamina/core';
import type { ClientFrame, ServerFrame, Usage, WireError } from '@lamina/core/protocol';
import { visibleError } from '../middleware/redaction.js';
import type { Peer } from './peer.js';

/** A chat under way. */
export class Chat {
  /** The id of the request, which the client gets as `chat`. */
  readonly #requestId = randomUUID();
  readonly #controller = new AbortController();
  /** The latest progress, for a client that has not read yet what it was sent before. */
  #delayed: AcquireProgress | undefined;

  constructor(
    private readonly id: string,
    private readonly peer: Peer,
  ) {}

  /** Ends the chat, and the engine's work on it. */
  abort(reason: LaminaError): void {
    this.#controller.abort(reason);
  }

  /** Runs the chat; never rejects. Returns the last frame, to be sent when the chat's id is free again. */
  async run(request: ClientFrame<'chat.start'>['request']): Promise<ServerFrame<'chat.done' | 'chat.error'>> {
    const { id, peer } = this;
    peer.outbox.send({ type: 'chat.accepted', id, chat: this.#requestId });
    try {
      return this.#lastFrame(await this.#forward(request));
    } catch (thrown) {
      const { signal } = this.#controller;
      const error = LaminaError.from(signal.aborted ? signal.reason : thrown);
      if (error.code === 'INTERNAL')
        peer.lamina.log.error({ err: error.cause, request: this.#requestId }, 'A chat failed with an internal error');
      return this.#errorFrame(error.toWire());
    } finally {
      this.#delayed = undefined;
    }
  }

  #forward(request: ClientFrame<'chat.start'>['request']): Promise<ForwardResult> {
    const { lamina, caller, headers } = this.peer;
    // As bytes: parsed, the request would take up to 80 times as much memory while it waits.
    const body = Buffer.from(JSON.stringify(withUsage(request)));
    return lamina.inference.forwardEvents(
      { id: this.#requestId, route: 'chat/completions', model: request.model, caller, headers, body, stream: true },
      new ChunkFrames(this.id, this.peer, () => (this.#delayed = undefined)),
      { signal: this.#controller.signal, onProgress: (progress) => this.#onProgress(progress) },
    );
  }

  #lastFrame(result: ForwardResult): ServerFrame<'chat.done' | 'chat.error'> {
    if (result.kind !== 'answered') return this.#errorFrame(result.error);
    const { usage, finishReason } = result;
    return {
      type: 'chat.done',
      id: this.id,
      ...(usage === undefined ? {} : { usage: usage as Usage }),
      ...(finishReason === undefined ? {} : { finish_reason: finishReason }),
    };
  }

  #errorFrame(error: WireError): ServerFrame<'chat.error'> {
    return { type: 'chat.error', id: this.id, error: visibleError(this.peer.caller, error) };
  }

  // For a client that does not read, progress frames would pile up, so each replaces the one before.
  #onProgress(progress: AcquireProgress): void {
    const { outbox } = this.peer;
    if (!outbox.full) return this.#sendProgress(progress);
    if (this.#delayed === undefined) outbox.onDrain(() => this.#sendDelayed());
    this.#delayed = progress;
  }

  #sendDelayed(): void {
    const progress = this.#delayed;
    this.#delayed = undefined;
    if (progress !== undefined) this.#sendProgress(progress);
  }

  #sendProgress(progress: AcquireProgress): void {
    const { id, peer } = this;
    if (progress.kind === 'queued') return peer.outbox.send({ type: 'chat.queued', id, position: progress.position });
    const { stage, ratio } = progress;
    peer.outbox.send({ type: 'chat.loading', id, stage, ...(ratio === undefined ? {} : { ratio }) });
  }
}

/** Sends each event of an answer as a frame `chat.chunk`. */
class ChunkFrames implements EventSink {
  readonly #head: string;
  #seq = 0;

  constructor(
    id: string,
    private readonly peer: Peer,
    private readonly onWrite: () => void,
  ) {
    this.#head = `{"type":"chat.chunk","id":${JSON.stringify(id)},"seq":`;
  }

  write(events: readonly string[]): boolean {
    const { outbox } = this.peer;
    this.onWrite();
    // The chunk is sent as the engine wrote it.
    outbox.sendAll(events.map((chunk) => `${this.#head}${++this.#seq},"chunk":${chunk}}`));
    return !outbox.full;
  }

  once(_event: 'drain', listener: () => void): void {
    this.peer.outbox.onDrain(listener);
  }
}

/** The request as a stream that ends with its usage. */
function withUsage(request: ClientFrame<'chat.start'>['request']): JsonObject {
  const json = request as unknown as JsonObject;
  const options = json['stream_options'];
  return {
    ...json,
    stream: true,
    stream_options: { ...(typeof options === 'object' ? options : {}), include_usage: true },
  };
}
