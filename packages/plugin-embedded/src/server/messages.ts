// Converts a conversation from OpenAI's format to that of chat templates and that of the library.
import type { HistoryItem, HistoryCall } from './binding.js';
import { unsupported } from './errors.js';
import type { ChatRequest } from './requests.js';

type Message = ChatRequest['messages'][number];
type ToolCall = NonNullable<NonNullable<Message['tool_calls']>[number]>;

/** The messages for Jinja templates: only text, the arguments of calls as objects. */
export function templateMessages(messages: readonly Message[]): object[] {
  return messages.map((message) => ({
    ...message,
    role: message.role === 'developer' ? 'system' : message.role,
    content: textOf(message),
    ...(message.tool_calls
      ? {
          tool_calls: message.tool_calls.map((call) => ({
            type: 'function',
            ...call,
            function: { ...call.function, arguments: argumentsOf(call) },
          })),
        }
      : {}),
  }));
}

/** The messages for the library's own renderers; the last item is the response. */
export function libraryHistory(messages: readonly Message[]): HistoryItem[] {
  const results = new Map(
    messages.flatMap((message) =>
      message.tool_call_id === undefined ? [] : [[message.tool_call_id, textOf(message)]],
    ),
  );
  const items = messages.filter(({ role }) => role !== 'tool').map((message) => itemOf(message, results));
  return items.at(-1)?.type === 'model' ? items : [...items, { type: 'model', response: [] }];
}

/** The text of a message. @throws RequestError for pictures and sounds */
export function textOf({ content }: Message): string {
  if (content === undefined) return '';
  if (typeof content === 'string') return content;
  return content.map((part) => partText(part as Readonly<Record<string, unknown>>)).join('');
}

function partText({ type, text }: Readonly<Record<string, unknown>>): string {
  if (type === 'text' && typeof text === 'string') return text;
  throw unsupported(
    `The embedded engine reads text alone, and a message has a part of the type "${String(type)}". Use llama.cpp for pictures and sounds.`,
    'messages',
  );
}

function itemOf(message: Message, results: ReadonlyMap<string, string>): HistoryItem {
  const text = textOf(message);
  if (message.role === 'user') return { type: 'user', text };
  if (message.role !== 'assistant') return { type: 'system', text };
  const thought = message.reasoning_content
    ? [{ type: 'segment' as const, segmentType: 'thought', text: message.reasoning_content, ended: true }]
    : [];
  const calls = (message.tool_calls ?? []).map((call): HistoryCall => ({
    type: 'functionCall',
    name: call.function.name,
    params: argumentsOf(call),
    result: results.get(call.id ?? ''),
  }));
  return { type: 'model', response: [...thought, ...(text === '' ? [] : [text]), ...calls] };
}

/** OpenAI sends arguments as text. */
function argumentsOf({ function: { arguments: given } }: ToolCall): unknown {
  if (typeof given !== 'string') return given ?? {};
  try {
    return JSON.parse(given === '' ? '{}' : given);
  } catch {
    return given;
  }
}
