// Chats and embeddings in process: what is asked, and how the answer is read.
import type { Caller } from './caller.js';
import type { ChatCompletionChunk, Usage } from './frames.js';
import type { RequestHeaders } from './inference-request.js';
import type { AcquireProgress, WaitTimes } from './runtime.js';

/** A message of a chat, as OpenAI's API defines it; engines know further members. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, `tool`, … */
  readonly role: string;
  /** A text, or a list of parts such as texts and images. */
  readonly content?: string | readonly object[] | null;
  /** What a reasoning model thought before it answered. */
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolCall[];
  /** Of a message with the role `tool`: the call it answers. */
  readonly tool_call_id?: string;
  readonly [member: string]: unknown;
}

/** A function that the model wants to be called. */
export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  /** `arguments` is JSON, as the model wrote it. */
  readonly function: { readonly name: string; readonly arguments: string };
}

/** A chat: the body of POST /v1/chat/completions, with any parameter that the engine knows. It is always streamed. */
export interface ChatRequest {
  /** A model, an alias or an adapter. */
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly [parameter: string]: unknown;
}

/** A text to continue: the body of POST /v1/completions, with any parameter that the engine knows. It is always streamed. */
export interface CompletionRequest {
  /** A model, an alias or an adapter. */
  readonly model: string;
  readonly prompt: string;
  readonly [parameter: string]: unknown;
}

/** Texts to embed: the body of POST /v1/embeddings, with any parameter that the engine knows. */
export interface EmbedRequest {
  /** A model or an alias. */
  readonly model: string;
  readonly input: string | readonly string[];
  readonly [parameter: string]: unknown;
}

/** The vectors of an {@link EmbedRequest}, in the order of its inputs. */
export interface EmbedResult {
  readonly embeddings: readonly (readonly number[])[];
  /** The model as the engine names it. */
  readonly model?: string;
  readonly usage?: Usage;
}

/** The options of `chat`, `complete` and `embed`. */
export interface InferenceOptions {
  /** Ends the request, and the engine's work on it. */
  readonly signal?: AbortSignal;
  /** On whose behalf it runs. Default: this process, with all scopes. */
  readonly caller?: Caller;
  /** Identifies the request in the log and in events. Default: a new UUID. */
  readonly id?: string;
  /** Headers of a client, as hooks and the engine see them. Lamina removes keys, cookies and connection headers. */
  readonly headers?: RequestHeaders;
  /** Called with the place in the queue (1 is next) whenever it changes, and with the stages of a start. */
  readonly onProgress?: (progress: AcquireProgress) => void;
  /** See `AcquireOptions.keepAlive`. */
  readonly keepAlive?: number;
  /** Called when a request that had to wait no longer waits, in whichever way that ended; not for one that need not. */
  readonly onWaited?: (times: WaitTimes) => void;
}

/**
 * A part of the answer to a chat, as it comes: some text, some reasoning, or a piece of the JSON of a tool call's
 * `arguments`. All pieces of a call have the same `index`, `id` and `name`; a call has an id also where the engine gives
 * none.
 */
export type ChatPart =
  | { readonly type: 'text' | 'reasoning'; readonly text: string }
  | {
      readonly type: 'tool_call';
      readonly index: number;
      readonly id: string;
      readonly name: string;
      readonly arguments: string;
    };

/** A chunk of the answer to a {@link CompletionRequest}. */
export interface CompletionChunk {
  readonly choices: readonly {
    readonly index: number;
    readonly text: string;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: Usage | null;
  readonly [member: string]: unknown;
}

/**
 * An answer that is streamed. Nothing happens before it is read. It can be read once: chunk by chunk, or by `text()`.
 * Leaving the loop ends the engine's work. At most about 64 unread chunks are kept; then the engine waits. Reading it
 * throws a LaminaError: all that `Inference.forward` throws, and `ENGINE_REFUSED`.
 * @example
 * ```ts
 * const stream = lamina.inference.complete({ model: 'tiny', prompt: 'Once upon a time' });
 * for await (const { choices } of stream) process.stdout.write(choices[0]?.text ?? '');
 * console.log(stream.finishReason, stream.usage?.completion_tokens);
 * ```
 */
export interface InferenceStream<Chunk> extends AsyncIterable<Chunk> {
  /** The id of the request, in the log and in events. */
  readonly id: string;
  /**
   * The whole text of the answer.
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Hello' }];
   * const text = await lamina.chat({ model: 'tiny', messages }, { signal }).text();
   * ```
   */
  text(): Promise<string>;
  /** The token counts, once the answer has ended. */
  readonly usage: Usage | undefined;
  /** Why the engine stopped, once it has: `stop`, `length`, `tool_calls`, … */
  readonly finishReason: string | undefined;
}

/** The answer to a {@link CompletionRequest}. */
export type CompletionStream = InferenceStream<CompletionChunk>;

/**
 * The answer to a chat.
 * @example
 * ```ts
 * const stream = lamina.chat({ model: 'tiny', messages: [{ role: 'user', content: 'Hello' }] });
 * for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '');
 * console.log(stream.finishReason, stream.usage?.completion_tokens);
 * ```
 */
export interface ChatStream extends InferenceStream<ChatCompletionChunk> {
  /**
   * The first choice of the answer in parts, for those who translate it into another API.
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Hello' }];
   * for await (const part of lamina.chat({ model: 'tiny', messages }, { signal }).parts())
   *   if (part.type === 'text') process.stdout.write(part.text);
   * ```
   */
  parts(): AsyncIterable<ChatPart>;
  /**
   * The whole answer as a message, which can be sent back as it is: text, reasoning and tool calls.
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Hello' }];
   * const answer = await lamina.chat({ model: 'tiny', messages }, { signal }).message();
   * const next = [...messages, answer, { role: 'user', content: 'Shorter, please.' }];
   * ```
   */
  message(): Promise<ChatMessage>;
}
