// The prompt and the answer of one request as texts, of which a limited part is kept. What clients and engines send can
// have any form, and nothing of it may fail here: a tap that throws ends the request.
import { isMapping, type JsonObject } from '@lamina/core/plugin';
import { BoundedText } from './bounded-text.js';

/** So many bytes are kept of the prompt, and of the reasoning, the text and the tool calls of the answer. */
const maxBytes = 64 * 1024;

/** What a message takes at least, so that many empty ones are limited too. */
const messageBytes = 128;

const roles = ['system', 'developer', 'user', 'assistant', 'tool', 'function'];

type Members = Readonly<Record<string, unknown>>;

/** Whether prompts and answers of this route are kept. */
export function isCaptured(route: string): boolean {
  return route === 'chat/completions' || route === 'completions';
}

/** The texts of one request, and of the first choice of its answer. */
export class CapturedRequest {
  readonly #prompt: { readonly role: string; readonly text: BoundedText }[] = [];
  #omittedMessages = 0;
  readonly #reasoning = new BoundedText(maxBytes);
  readonly #text = new BoundedText(maxBytes);
  readonly #toolCalls = new BoundedText(maxBytes);
  #calls = 0;

  /** @param body Of the request. */
  constructor({ messages, prompt }: JsonObject) {
    const texts = Array.isArray(messages)
      ? mappingsIn(messages).map((message) => ({ role: roleOf(message), text: messageText(message) }))
      : [{ role: 'prompt', text: textOf(prompt) }];
    this.#keepPrompt(texts);
  }

  /** A chunk of a stream. */
  addChunk(chunk: JsonObject): void {
    const { text, delta } = firstChoice(chunk);
    this.#text.add(textOf(text));
    if (isMapping(delta)) this.#addMessage(delta);
  }

  /** A whole answer. */
  addBody(body: JsonObject): void {
    const { text, message } = firstChoice(body);
    this.#text.add(textOf(text));
    if (isMapping(message)) this.#addMessage(message);
  }

  /** As a document. */
  view(): object {
    return {
      prompt: this.#prompt.map(({ role, text }) => ({ role, ...text.view() })),
      omitted_messages: this.#omittedMessages,
      reasoning: this.#reasoning.view(),
      answer: this.#text.view(),
      tool_calls: this.#toolCalls.view(),
    };
  }

  /** The last messages say most about an answer, so the first ones are left out. */
  #keepPrompt(messages: readonly { readonly role: string; readonly text: string }[]): void {
    let left = maxBytes;
    for (const { role, text } of messages.toReversed()) {
      if (left <= 0) break;
      const kept = new BoundedText(left);
      kept.add(text);
      left -= kept.bytes + messageBytes;
      this.#prompt.unshift({ role, text: kept });
    }
    this.#omittedMessages = messages.length - this.#prompt.length;
  }

  /** A message, or the part of one that a chunk adds. */
  #addMessage({ reasoning_content, reasoning, content, tool_calls }: Members): void {
    this.#reasoning.add(textOf(reasoning_content ?? reasoning));
    this.#text.add(textOf(content));
    for (const { function: called } of mappingsIn(tool_calls)) {
      if (!isMapping(called)) continue;
      // In a stream, the first part of a call has its name.
      if (called['name'] !== undefined)
        this.#toolCalls.add(`${this.#calls++ > 0 ? '\n' : ''}${textOf(called['name'])} `);
      this.#toolCalls.add(textOf(called['arguments']));
    }
  }
}

function firstChoice({ choices }: JsonObject): Members {
  return mappingsIn(choices).find(({ index = 0 }) => index === 0) ?? {};
}

function mappingsIn(list: unknown): Members[] {
  return Array.isArray(list) ? list.filter((item) => isMapping(item)) : [];
}

/** Clients can write any role, of any length. */
function roleOf({ role }: Members): string {
  return roles.find((one) => one === role) ?? 'other';
}

function messageText({ content, tool_calls }: Members): string {
  const calls = mappingsIn(tool_calls).map(({ function: called }) => {
    const { name, arguments: given } = isMapping(called) ? called : {};
    return `${textOf(name)} ${textOf(given)}`;
  });
  return [textOf(content), ...calls].filter((text) => text !== '').join('\n');
}

/** The text of a content or a prompt; of images and sounds, what they are. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (content === undefined || content === null) return '';
  if (Array.isArray(content)) {
    const separator = typeof content[0] === 'number' ? ' ' : '\n'; // A prompt can be a list of tokens.
    return content.map((part) => textOf(part)).join(separator);
  }
  if (!isMapping(content)) return JSON.stringify(content);
  const { type, text } = content as Members;
  if (typeof text === 'string') return text;
  return typeof type === 'string' ? `[${type.slice(0, 40)}]` : JSON.stringify(content);
}
