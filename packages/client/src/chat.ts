// A chat whose answer is read as it arrives, over as many connections as it takes.
import type { Connection } from './connection.js';
import { errorOf, LaminaClientError } from './error.js';
import { callSafely } from './events.js';
import type { ServerFrame } from './link.js';
import { deltaOf, messageOf, type ChatMessage } from './message.js';
import { readExchange, type Output } from './read-exchange.js';
import type { ChatCompletionChunk, Usage } from './wire.js';

/** A chat: the body of `POST /v1/chat/completions`, with any parameter that the engine knows. It is always streamed. */
export interface ChatRequest {
  /** A model, an alias or an adapter. */
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly [parameter: string]: unknown;
}

/** What a chat waits for before its answer begins. */
export type ChatProgress =
  | { readonly kind: 'queued'; /** 1 is next. */ readonly position: number }
  | { readonly kind: 'loading'; readonly stage: string; /** From 0 to 1. */ readonly ratio?: number };

/**
 * What another client needs to continue a chat: plain data, which a page can store as JSON. Who has it can read the chat,
 * with the same API key.
 */
export interface ChatPosition {
  /** The server's secret of the chat. */
  readonly chat: string;
  /** How many chunks were read; 0 reads the answer from its beginning again, up to 2 MiB of it. */
  readonly after: number;
}

/** The options of {@link LaminaClient.chat}. */
export interface ChatOptions {
  /**
   * Continues the chat on the server when this client goes away without `close()`, as a page does that is reloaded. Another
   * client can continue it with `resumeChat` for 30 s (the server's `resumeTimeout`); then it ends. Default: false.
   */
  readonly keep?: boolean;
  /** Cancels the chat, which then throws `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Called when the place in the queue changes, and with the stages of the start of a model. */
  readonly onProgress?: (progress: ChatProgress) => void;
}

/**
 * The answer of a chat. The request is sent when it is read, which is possible once. Leaving the loop cancels the chat.
 * A lost connection is replaced; the answer then continues where it was, so that every chunk comes exactly once.
 */
export class ChatStream implements AsyncIterable<ChatCompletionChunk> {
  #id: string | undefined;
  #usage: Usage | undefined;
  #finishReason: string | undefined;
  #isRead = false;
  /** What the server calls the chat, on every connection. */
  #chat: string | undefined;
  #readChunks: number;

  /** @internal */
  constructor(
    private readonly connection: Connection,
    /** A new chat, or one to continue. */
    private readonly origin: { readonly request: ChatRequest; readonly keep?: boolean } | ChatPosition,
    private readonly options: Omit<ChatOptions, 'keep'>,
  ) {
    this.#chat = 'chat' in origin ? origin.chat : undefined;
    this.#readChunks = 'chat' in origin ? origin.after : 0;
  }

  /** The id of the request in the log and in events of the server, when the server has accepted the chat. */
  get id(): string | undefined {
    return this.#id;
  }

  /**
   * Where the reader is, when the server has accepted the chat: after the chunk that the loop got last. With it another
   * client can continue the chat (`resumeChat`).
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Who are you?' }];
   * const chat = client.chat({ model: 'tiny', messages }, { keep: true });
   * let answer = '';
   * for await (const { choices } of chat) {
   *   answer += choices[0]?.delta.content ?? '';
   *   sessionStorage.setItem('chat', JSON.stringify({ answer, position: chat.position }));
   * }
   * ```
   */
  get position(): ChatPosition | undefined {
    return this.#chat === undefined ? undefined : { chat: this.#chat, after: this.#readChunks };
  }

  /** The token counts, when the answer is complete and the engine counts. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** Why the engine stopped, when the answer is complete: `stop`, `length`, `tool_calls`, … */
  get finishReason(): string | undefined {
    return this.#finishReason;
  }

  /**
   * The chunks of the answer as the engine wrote them.
   * @throws LaminaClientError the error of the server, also when it cannot continue the chat on a new connection;
   * `ABORTED`, `CLOSED`, `UNREACHABLE`
   */
  [Symbol.asyncIterator](): AsyncGenerator<ChatCompletionChunk, void, undefined> {
    if (this.#isRead) throw new TypeError('A chat can be read only once. Start another one.');
    this.#isRead = true;
    return this.#chunks();
  }

  /** Reads the answer to its end, and returns its text. @throws LaminaClientError as the iterator */
  async text(): Promise<string> {
    let text = '';
    for await (const chunk of this) text += deltaOf(chunk)?.content ?? '';
    return text;
  }

  /**
   * Reads the answer to its end, and returns it as a message that can be sent back: text, reasoning and tool calls.
   * @throws LaminaClientError as the iterator
   */
  message(): Promise<ChatMessage> {
    return messageOf(this);
  }

  async *#chunks(): AsyncGenerator<ChatCompletionChunk, void, undefined> {
    /** The number of the last chunk that arrived. */
    let after = this.#readChunks;
    let last: ServerFrame | undefined;
    const onChunk = ({ seq, chunk }: ServerFrame, output: Output<ChatCompletionChunk>): void => {
      if ((seq as number) <= after) return;
      const message = `The server left out chunk ${after + 1} of the answer.`;
      if (seq !== after + 1) return output.abort(new LaminaClientError({ code: 'PROTOCOL_ERROR', message }));
      after++;
      output.push(chunk as ChatCompletionChunk);
    };
    const receive = (frame: ServerFrame, output: Output<ChatCompletionChunk>): void => {
      switch (frame.type) {
        case 'chat.accepted':
          this.#chat = frame['chat'] as string;
          this.#id = frame['request'] as string;
          return;
        case 'chat.queued':
        case 'chat.loading':
          return this.#onProgress(frame);
        case 'chat.chunk':
          return onChunk(frame, output);
        case 'chat.done':
          last = frame;
          return output.end();
        case 'chat.error':
        case 'error':
          return output.end(errorOf(frame));
      }
    };
    const frame = (): object =>
      this.#chat === undefined
        ? { type: 'chat.start', ...this.origin }
        : { type: 'chat.resume', chat: this.#chat, after };
    const source = { frame, endFrame: { type: 'chat.cancel' }, receive };
    for await (const chunk of readExchange(this.connection, source, this.options.signal)) {
      this.#readChunks++;
      yield chunk;
    }
    this.#usage = last?.['usage'] as Usage | undefined;
    this.#finishReason = last?.['finish_reason'] as string | undefined;
  }

  #onProgress(frame: ServerFrame): void {
    const { type, id: _id, ...fields } = frame;
    const progress = { kind: type.slice('chat.'.length), ...fields } as unknown as ChatProgress;
    callSafely(() => this.options.onProgress?.(progress));
  }
}
