// Reads the first choice of a chat's chunks as parts.
import { randomUUID } from 'node:crypto';
import type { ChatPart } from '../contract/chat.js';
import type { ChatCompletionChunk } from '../contract/frames.js';

type Delta = ChatCompletionChunk['choices'][number]['delta'];

/**
 * Reads the chunks of one chat: what `ChatStream.parts` does, for those who need the chunks too. Call `read` for each, in
 * their order.
 */
export class ChatPartReader {
  readonly #calls: { readonly id: string; readonly name: string }[] = [];

  /** The parts in a chunk: reasoning, text, and pieces of tool calls. */
  read(chunk: ChatCompletionChunk): ChatPart[] {
    const { content, reasoning_content, reasoning, tool_calls } = firstDelta(chunk) ?? {};
    const thought = reasoning_content ?? reasoning;
    const parts: ChatPart[] = [];
    if (typeof thought === 'string' && thought !== '') parts.push({ type: 'reasoning', text: thought });
    if (typeof content === 'string' && content !== '') parts.push({ type: 'text', text: content });
    for (const { index = 0, id, function: called } of tool_calls ?? []) {
      const call = (this.#calls[index] ??= { id: id ?? `call_${randomUUID()}`, name: called?.name ?? '' });
      parts.push({ type: 'tool_call', index, ...call, arguments: called?.arguments ?? '' });
    }
    return parts;
  }
}

/** What a chunk adds to the first choice. */
export function firstDelta({ choices }: ChatCompletionChunk): Delta | undefined {
  return choices.find(({ index = 0 }) => index === 0)?.delta;
}
