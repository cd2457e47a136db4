// Reads the stream of server-sent events that an engine answers a chat with.
import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';
import type { WireError } from '../contract/errors.js';
import type { ResponseSink } from '../contract/inference.js';
import type { JsonObject } from '../contract/schema.js';
import { isMapping, parseJson } from '../kernel/json.js';
import type { ChunkChanges } from '../kernel/response-transforms.js';
import { readEngineError } from './engine-error.js';
import { maxEventLength } from './event-splitter.js';

/** One chunk of an answer: the data of an event. */
export interface StreamChunk {
  /** As the engine wrote it; `undefined` where a plugin changed it. */
  readonly data?: string;
  readonly json: JsonObject;
}

/** Where the chunks of an answer go. */
export interface ChunkSink {
  /** The chunks that arrived together. `false` asks to wait for `drain`. */
  write(chunks: readonly StreamChunk[]): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** The members of a chunk that are read; all others pass unread. */
interface Chunk {
  readonly usage?: JsonObject | null;
  readonly choices?: readonly { readonly index?: number; readonly finish_reason?: string | null }[];
}

/** Passes the data of the events on to a sink, and keeps what the last of them say about the whole answer. */
export class EventReader implements ResponseSink {
  headersSent = false;
  writableEnded = false;
  /** As the engine counted it. */
  usage: JsonObject | undefined;
  finishReason: string | undefined;
  /** An error that the engine sent as an event. */
  error: WireError | undefined;
  readonly #sink: ChunkSink;
  readonly #stop: () => void;
  readonly #collect: () => ChunkChanges | undefined;
  readonly #text = new StringDecoder();
  readonly #parser = createParser({
    onEvent: ({ data }) => this.#onData(data),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded')
        this.#fail(`The engine sent an event of more than ${maxEventLength} characters.`);
    },
    maxBufferSize: maxEventLength,
  });
  #chunks: StreamChunk[] = [];
  #isDone = false;
  #changes: ChunkChanges | undefined;

  /**
   * `stop` ends the request after an error, when there is no point in reading on; `collect` asks the plugins for their
   * changes when the answer begins.
   */
  constructor(sink: ChunkSink, stop: () => void, collect: () => ChunkChanges | undefined) {
    this.#sink = sink;
    this.#stop = stop;
    this.#collect = collect;
  }

  /** True when the engine has ended the answer in order. */
  get isComplete(): boolean {
    return this.#isDone || this.finishReason !== undefined;
  }

  writeHead(): void {
    this.headersSent = true;
    this.#changes = this.#collect();
  }

  flushHeaders(): void {} // An event sink has no headers.

  write(bytes: Buffer): boolean {
    if (this.error !== undefined) return true;
    this.#chunks = [];
    this.#parser.feed(this.#text.write(bytes));
    return this.#writeChunks();
  }

  #writeChunks(): boolean {
    return this.#chunks.length === 0 || this.#sink.write(this.#chunks);
  }

  once(event: 'drain', listener: () => void): void {
    this.#sink.once(event, listener);
  }

  end(): void {
    this.writableEnded = true;
    this.#chunks = [];
    if (this.isComplete) this.#endChunks();
    this.#writeChunks();
  }

  #onData(data: string): void {
    if (this.error !== undefined) return;
    if (data === '[DONE]') {
      this.#isDone = true;
      this.#endChunks();
      return;
    }
    const json = parseJson(data);
    if (!isMapping(json) || json['error'] !== undefined) return this.#fail(data);
    const chunk: Chunk = json;
    this.usage = chunk.usage ?? this.usage;
    this.finishReason ??= chunk.choices?.find(({ index = 0 }) => index === 0)?.finish_reason ?? undefined;
    for (const changed of this.#changes?.each(json as JsonObject) ?? [json as JsonObject])
      this.#chunks.push(changed === json ? { data, json: changed } : { json: changed });
  }

  #endChunks(): void {
    for (const json of this.#changes?.end() ?? []) this.#chunks.push({ json });
    this.#changes = undefined;
  }

  #fail(text: string): void {
    this.error = readEngineError(502, Buffer.from(text));
    this.#stop();
  }
}
