// Estimates the tokens of a request, for engines that cannot count them.
import type { ChatMessage, ChatRequest } from '@lamina/core/plugin';

const bytesPerToken = 4;

/** A quarter of the bytes of all texts in UTF-8: messages, calls and tools. Images do not count. */
export function estimateTokens({ messages, tools }: ChatRequest): number {
  const texts = [...messages.flatMap(textsOf), ...(tools === undefined ? [] : [JSON.stringify(tools)])];
  return Math.ceil(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / bytesPerToken);
}

function textsOf({ content, reasoning_content = '', tool_calls = [] }: ChatMessage): string[] {
  const parts = typeof content === 'string' ? [{ text: content }] : (content ?? []);
  return [
    ...parts.map((part) => ('text' in part && typeof part.text === 'string' ? part.text : '')),
    reasoning_content,
    ...tool_calls.flatMap(({ function: { name, arguments: text } }) => [name, text]),
  ];
}
