// What a conversation sends to the server.
import type { ChatMessage, ChatRequest } from '@lamina/client';
import type { Answer, Conversation, Message, Question } from './conversation.js';

/**
 * The request for the next answer.
 * @param reportsPrompt The engine knows `return_progress`: how much of the prompt it has read is in chunks.
 */
export function requestOf({ model, settings, messages }: Conversation, reportsPrompt: boolean): ChatRequest {
  const { system, ...parameters } = settings;
  return {
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      ...alternating(messages).map(messageOf),
    ],
    ...parameters,
    ...(reportsPrompt ? { return_progress: true } : {}),
  };
}

/** Many chat templates refuse two messages of the user in a row, which follow from an answer without text. */
function alternating(messages: readonly Message[]): readonly Message[] {
  const result: Message[] = [];
  for (const message of messages) {
    const last = result.at(-1);
    if (message.role === 'assistant') {
      if (answerText(message) !== '') result.push(message);
    } else if (last?.role === 'user') result[result.length - 1] = joined(last, message);
    else result.push(message);
  }
  return result;
}

function joined(first: Question, second: Question): Question {
  return {
    role: 'user',
    text: [first.text, second.text].filter((text) => text !== '').join('\n\n'),
    images: [...first.images, ...second.images],
    files: [...first.files, ...second.files],
  };
}

function messageOf(message: Message): ChatMessage {
  if (message.role === 'assistant') return { role: 'assistant', content: answerText(message) };
  const text = questionText(message);
  if (message.images.length === 0) return { role: 'user', content: text };
  const images = message.images.map((url) => ({ type: 'image_url', image_url: { url } }));
  return { role: 'user', content: [...(text === '' ? [] : [{ type: 'text', text }]), ...images] };
}

/** The page has no tools to answer a call with, so the model sees its calls as text. */
function answerText({ text, toolCalls }: Answer): string {
  return [text, ...toolCalls.map(({ function: { name, arguments: json } }) => `${name}(${json})`)]
    .filter((part) => part !== '')
    .join('\n');
}

/** The text of a message with that of its files, each in a fence that it does not contain. */
export function questionText({ text, files }: Question): string {
  const parts = files.map((file) => {
    const longest = Math.max(2, ...[...file.text.matchAll(/`+/g)].map(([fence]) => fence.length));
    const fence = '`'.repeat(longest + 1);
    return `${file.name}:\n${fence}\n${file.text.replace(/\n$/, '')}\n${fence}`;
  });
  return [text, ...parts].filter((part) => part !== '').join('\n\n');
}
