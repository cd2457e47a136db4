// The answer to a chat in process.
import type { ChatMessage, ChatStream, ToolCall } from '../contract/chat.js';
import type { ChatCompletionChunk } from '../contract/frames.js';
import { StreamedAnswer } from './inference-stream.js';

/** See {@link ChatStream}. */
export class InferenceChat extends StreamedAnswer<ChatCompletionChunk> implements ChatStream {
  async message(): Promise<ChatMessage> {
    const builder = new MessageBuilder();
    for await (const chunk of this) builder.add(chunk);
    return builder.message();
  }

  protected textOf(chunk: ChatCompletionChunk): string {
    return firstDelta(chunk)?.content ?? '';
  }
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
