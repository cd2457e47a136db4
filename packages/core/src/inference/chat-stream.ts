// The answer to a chat in process.
import type { ChatMessage, ChatPart, ChatStream, ToolCall } from '../contract/chat.js';
import type { ChatCompletionChunk } from '../contract/frames.js';
import { ChatPartReader, firstDelta } from '../kernel/chat-parts.js';
import { StreamedAnswer } from './inference-stream.js';

/** See {@link ChatStream}. */
export class InferenceChat extends StreamedAnswer<ChatCompletionChunk> implements ChatStream {
  async *parts(): AsyncGenerator<ChatPart, void> {
    const reader = new ChatPartReader();
    for await (const chunk of this) yield* reader.read(chunk);
  }

  async message(): Promise<ChatMessage> {
    let content: string | undefined;
    let reasoning = '';
    const calls: ToolCall[] = [];
    for await (const part of this.parts()) {
      if (part.type === 'tool_call') calls[part.index] = continued(calls[part.index], part);
      else if (part.type === 'text') content = (content ?? '') + part.text;
      else reasoning += part.text;
    }
    const made = calls.filter((call) => call !== undefined);
    return {
      role: 'assistant',
      ...(content === undefined && made.length > 0 ? {} : { content: content ?? '' }),
      ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
      ...(made.length === 0 ? {} : { tool_calls: made }),
    };
  }

  protected textOf(chunk: ChatCompletionChunk): string {
    return firstDelta(chunk)?.content ?? '';
  }
}

type ToolCallPart = Extract<ChatPart, { type: 'tool_call' }>;

function continued(call: ToolCall | undefined, { id, name, arguments: text }: ToolCallPart): ToolCall {
  return { id, type: 'function', function: { name, arguments: (call?.function.arguments ?? '') + text } };
}
