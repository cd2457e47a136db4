// The answer to a chat in process, read as typed chunks.
import type { ChatMessage, ChatStream, ToolCall } from '../contract/chat.js';
import { LaminaError } from '../contract/errors.js';
import type { ChatCompletionChunk, Usage } from '../contract/frames.js';
import { failureOf } from '../kernel/abort.js';
import { ChunkQueue } from './chunk-queue.js';
import { EngineRefusal } from './engine-refusal.js';
import type { RunResult } from './answer-end.js';

/** Runs the chat; its chunks go to the queue. */
type Run = (queue: ChunkQueue, signal: AbortSignal) => Promise<RunResult>;

/** See {@link ChatStream}. */
export class InferenceChat implements ChatStream {
  usage: Usage | undefined;
  finishReason: string | undefined;
  readonly #run: Run;
  readonly #signal: AbortSignal | undefined;
  #isRead = false;

  constructor(
    readonly id: string,
    run: Run,
    signal: AbortSignal | undefined,
  ) {
    this.#run = run;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): AsyncGenerator<ChatCompletionChunk, void> {
    if (this.#isRead)
      throw new LaminaError('CONFLICT', { message: 'The answer to this chat is read already. Start another chat.' });
    this.#isRead = true;
    return this.#chunks();
  }

  async text(): Promise<string> {
    let text = '';
    for await (const chunk of this) text += firstDelta(chunk)?.content ?? '';
    return text;
  }

  async message(): Promise<ChatMessage> {
    const builder = new MessageBuilder();
    for await (const chunk of this) builder.add(chunk);
    return builder.message();
  }

  async *#chunks(): AsyncGenerator<ChatCompletionChunk, void> {
    const queue = new ChunkQueue();
    const left = new AbortController();
    const signal = this.#signal === undefined ? left.signal : AbortSignal.any([this.#signal, left.signal]);
    const running = this.#run(queue, signal);
    running.then(
      () => queue.end(),
      () => queue.end(),
    );
    try {
      for (;;) {
        const chunk = await queue.next();
        if (chunk === undefined) break;
        yield chunk as unknown as ChatCompletionChunk;
      }
      this.#end(await running);
    } catch (error) {
      throw failureOf(error, signal);
    } finally {
      left.abort(new LaminaError('ABORTED', {}));
      await running.catch(() => undefined); // The request has finished when the loop has ended.
    }
  }

  #end(result: RunResult): void {
    throwFailure(result);
    this.usage = result.usage as Usage | undefined;
    this.finishReason = result.finishReason;
  }
}

/** @throws LaminaError what the request failed with; an engine's own error as `ENGINE_REFUSED` */
export function throwFailure(result: RunResult): asserts result is Extract<RunResult, { kind: 'answered' }> {
  if (result.kind === 'refused') throw new EngineRefusal(result.status, result.error, result.retryAfter);
  if (result.kind === 'cut') throw LaminaError.is(result.error) ? result.error : new EngineRefusal(502, result.error);
}

type Delta = ChatCompletionChunk['choices'][number]['delta'];

function firstDelta({ choices }: ChatCompletionChunk): Delta | undefined {
  return choices.find(({ index = 0 }) => index === 0)?.delta;
}

/** Puts a message together from its chunks. */
class MessageBuilder {
  #role = 'assistant';
  #content: string | undefined;
  #reasoning = '';
  readonly #toolCalls: { id: string; name: string; arguments: string }[] = [];

  add(chunk: ChatCompletionChunk): void {
    const delta = firstDelta(chunk);
    if (delta === undefined) return;
    this.#role = delta.role ?? this.#role;
    if (typeof delta.content === 'string') this.#content = (this.#content ?? '') + delta.content;
    this.#reasoning += delta.reasoning_content ?? '';
    for (const part of delta.tool_calls ?? []) {
      const call = (this.#toolCalls[part.index ?? 0] ??= { id: '', name: '', arguments: '' });
      call.id ||= part.id ?? '';
      call.name += part.function?.name ?? '';
      call.arguments += part.function?.arguments ?? '';
    }
  }

  message(): ChatMessage {
    const calls = this.#toolCalls.filter((call) => call !== undefined);
    return {
      role: this.#role,
      ...(this.#content === undefined && calls.length > 0 ? {} : { content: this.#content ?? '' }),
      ...(this.#reasoning === '' ? {} : { reasoning_content: this.#reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls.map(toolCall) }),
    };
  }
}

function toolCall({ id, name, arguments: text }: { id: string; name: string; arguments: string }): ToolCall {
  return { id, type: 'function', function: { name, arguments: text } };
}
