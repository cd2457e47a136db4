// Messages of Ollama's chats as messages of chat completions.
import type { ChatMessage, ToolCall } from '@lamina/core/plugin';

/** A message as clients send it. */
export interface OllamaMessage {
  readonly role: string;
  readonly content?: string | null;
  readonly thinking?: string | null;
  /** In base64. */
  readonly images?: readonly string[] | null;
  readonly tool_calls?: readonly OllamaCall[] | null;
  /** Of a result: the function, and in newer clients the id of the call. */
  readonly tool_name?: string;
  readonly tool_call_id?: string;
}

/** A tool call; clients may leave its id out. `arguments` is an object, of some clients a text. */
export interface OllamaCall {
  readonly id?: string;
  readonly function: { readonly index?: number; readonly name: string; readonly arguments?: object | string | null };
}

/** Results find their calls by the id, else by the name of the function, else in the order of the calls. */
export function chatMessages(messages: readonly OllamaMessage[]): ChatMessage[] {
  let open: { readonly id: string; readonly name: string }[] = [];
  let made = 0;
  return messages.map((message) => {
    const { role, thinking, tool_calls, tool_name, tool_call_id } = message;
    if (role === 'tool') {
      const call =
        open.find(({ id }) => id === tool_call_id) ??
        open.find(({ name }) => name === tool_name) ??
        (tool_name === undefined ? open[0] : undefined);
      open = open.filter((one) => one !== call);
      const id = tool_call_id || (call?.id ?? `call_${(made += 1)}`);
      return { role, content: message.content ?? '', tool_call_id: id, ...(tool_name && { name: tool_name }) };
    }
    const calls = (tool_calls ?? []).map((call) => toolCall(call, () => `call_${(made += 1)}`));
    if (calls.length > 0) open = calls.map(({ id, function: { name } }) => ({ id, name }));
    return {
      role,
      content: contentOf(message),
      ...(thinking ? { reasoning_content: thinking } : {}),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    };
  });
}

/** A text, or an image for each of `images` and the text. */
export function contentOf({ content, images }: Pick<OllamaMessage, 'content' | 'images'>): string | readonly object[] {
  const text = content ?? '';
  if (images === undefined || images === null || images.length === 0) return text;
  const pictures = images.map((image) => ({ type: 'image_url', image_url: { url: imageUrl(image) } }));
  return text === '' ? pictures : [...pictures, { type: 'text', text }];
}

function toolCall({ id, function: called }: OllamaCall, makeId: () => string): ToolCall {
  const { name, arguments: given } = called;
  const text = typeof given === 'string' ? given : JSON.stringify(given ?? {});
  return { id: id || makeId(), type: 'function', function: { name, arguments: text } };
}

/** How the base64 of an image begins → its type. */
const imageTypes = [
  ['/9j/', 'jpeg'],
  ['R0lG', 'gif'],
  ['UklG', 'webp'],
] as const;

function imageUrl(image: string): string {
  if (image.startsWith('data:')) return image;
  const [, type] = imageTypes.find(([start]) => image.startsWith(start)) ?? ['', 'png'];
  return `data:image/${type};base64,${image}`;
}
