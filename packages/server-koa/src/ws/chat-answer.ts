// Turns the stream of events an engine answers with into frames, one for each chunk.
import { StringDecoder } from 'node:string_decoder';
import { LaminaError, type JsonObject, type WireError } from '@lamina/core';
import { createParser } from 'eventsource-parser';
import { readEngineError } from '../proxy/engine-error.js';
import type { AnswerSink } from '../proxy/relay.js';
import type { Outbox } from './outbox.js';

/** The parts of a chunk that are looked at; all others pass as they are. */
interface Chunk {
  readonly error?: unknown;
  readonly usage?: JsonObject | null;
  readonly choices?: readonly { readonly index?: number; readonly finish_reason?: string | null }[];
}

/** The longest event, in characters: room for an image or some seconds of sound in base64. */
const longestEvent = 8 * 1024 * 1024;

/** Stands where a client's response stands for the proxy. */
export class ChatAnswer implements AnswerSink {
  headersSent = false;
  writableEnded = false;
  /** As the engine counted it. */
  usage: JsonObject | undefined;
  finishReason: string | undefined;
  /** What the engine said went wrong, in its stream. */
  error: WireError | undefined;
  readonly #outbox: Outbox;
  readonly #head: string;
  readonly #stop: (reason: LaminaError) => void;
  readonly #text = new StringDecoder();
  readonly #parser = createParser({
    onEvent: ({ data }) => this.#take(data),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded')
        this.#fail(`The engine sent an event of more than ${longestEvent} characters.`);
    },
    maxBufferSize: longestEvent,
  });
  #count = 0;
  #isDone = false;

  /** `stop` ends the request when there is no sense in reading on. */
  constructor(id: string, outbox: Outbox, stop: (reason: LaminaError) => void) {
    this.#outbox = outbox;
    this.#head = `{"type":"chat.chunk","id":${JSON.stringify(id)},"seq":`;
    this.#stop = stop;
  }

  /** True when the engine has said all it had to say. */
  get isWhole(): boolean {
    return this.#isDone || this.finishReason !== undefined;
  }

  writeHead(): void {
    this.headersSent = true;
  }

  // There is nothing to flush: `chat.accepted` has gone out long ago.
  flushHeaders(): void {}

  write(bytes: Buffer): boolean {
    if (this.error === undefined) this.#outbox.together(() => this.#parser.feed(this.#text.write(bytes)));
    return !this.#outbox.full;
  }

  once(_event: 'drain', listener: () => void): void {
    this.#outbox.onDrain(listener);
  }

  end(): void {
    this.writableEnded = true;
  }

  #take(data: string): void {
    if (this.error !== undefined) return;
    if (data === '[DONE]') {
      this.#isDone = true;
      return;
    }
    const chunk = parse(data);
    if (chunk === undefined || chunk.error !== undefined) return this.#fail(data);
    this.#note(chunk);
    this.#count += 1;
    // The chunk goes out as the engine wrote it.
    this.#outbox.sendText(`${this.#head}${this.#count},"chunk":${data}}`);
  }

  #fail(said: string): void {
    this.error = readEngineError(502, Buffer.from(said));
    this.#stop(new LaminaError('ABORTED', {}));
  }

  #note({ usage, choices }: Chunk): void {
    this.usage = usage ?? this.usage;
    this.finishReason ??= choices?.find(({ index = 0 }) => index === 0)?.finish_reason ?? undefined;
  }
}

function parse(data: string): Chunk | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
