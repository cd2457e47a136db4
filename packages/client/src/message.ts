// Messages of chats, and how one is put together from chunks.
import type { ChatCompletionChunk } from './wire.js';

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

/** What a chunk adds to the first choice. */
export function deltaOf({ choices }: ChatCompletionChunk): ChatCompletionChunk['choices'][number]['delta'] | undefined {
  return choices.find(({ index = 0 }) => index === 0)?.delta;
}

/** The message that the chunks of an answer make. */
export async function messageOf(chunks: AsyncIterable<ChatCompletionChunk>): Promise<ChatMessage> {
  let role = 'assistant';
  let content = '';
  let reasoning = '';
  const calls: { id: string; name: string; arguments: string }[] = [];
  for await (const chunk of chunks) {
    const delta = deltaOf(chunk);
    role = delta?.role ?? role;
    content += delta?.content ?? '';
    reasoning += delta?.reasoning_content ?? '';
    for (const part of delta?.tool_calls ?? []) {
      const call = (calls[part.index ?? 0] ??= { id: '', name: '', arguments: '' });
      call.id ||= part.id ?? '';
      call.name += part.function?.name ?? '';
      call.arguments += part.function?.arguments ?? '';
    }
  }
  return {
    role,
    content,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.filter(Boolean).map(toolCall) }),
  };
}

function toolCall({ id, name, arguments: text }: { id: string; name: string; arguments: string }): ToolCall {
  return { id, type: 'function', function: { name, arguments: text } };
}
