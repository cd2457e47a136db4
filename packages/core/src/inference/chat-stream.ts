// The answer to a chat in process.
import { randomUUID } from 'node:crypto';
import type { ChatMessage, ChatPart, ChatStream, ToolCall } from '../contract/chat.js';
import type { ChatCompletionChunk } from '../contract/frames.js';
import { StreamedAnswer } from './inference-stream.js';

/** See {@link ChatStream}. */
export class InferenceChat extends StreamedAnswer<ChatCompletionChunk> implements ChatStream {
  async *parts(): AsyncGenerator<ChatPart, void> {
    const calls: Pick<ToolCallPart, 'id' | 'name'>[] = [];
    for await (const chunk of this) {
      const { content, reasoning_content, reasoning, tool_calls = [] } = firstDelta(chunk) ?? {};
      const thought = reasoning_content ?? reasoning;
      if (typeof thought === 'string' && thought !== '') yield { type: 'reasoning', text: thought };
      if (typeof content === 'string' && content !== '') yield { type: 'text', text: content };
      for (const { index = 0, id, function: called } of tool_calls ?? []) {
        const call = (calls[index] ??= { id: id ?? `call_${randomUUID()}`, name: called?.name ?? '' });
        yield { type: 'tool_call', index, ...call, arguments: called?.arguments ?? '' };
      }
    }
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

function firstDelta({ choices }: ChatCompletionChunk): ChatCompletionChunk['choices'][number]['delta'] | undefined {
  return choices.find(({ index = 0 }) => index === 0)?.delta;
}

function continued(call: ToolCall | undefined, { id, name, arguments: text }: ToolCallPart): ToolCall {
  return { id, type: 'function', function: { name, arguments: (call?.function.arguments ?? '') + text } };
}
