// The messages of a conversation. It knows nothing of terminals.
import type { ChatMessage } from '@lamina/client';

/**
 * What was said so far. A message that got no answer stays at the end, so that it can be sent again; the next message
 * replaces it.
 */
export class Conversation {
  private turns: ChatMessage[] = [];

  constructor(
    /** Instructions for the model, sent before the messages. */
    public system: string | undefined,
  ) {}

  /** The messages as they are sent. */
  get messages(): readonly ChatMessage[] {
    const system = this.system === undefined ? [] : [{ role: 'system', content: this.system }];
    return [...system, ...this.turns];
  }

  get isEmpty(): boolean {
    return this.turns.length === 0;
  }

  /** Adds a message of the user. */
  ask(content: ChatMessage['content'] & {}): void {
    if (this.turns.at(-1)?.role === 'user') this.turns.pop();
    this.turns.push({ role: 'user', content });
  }

  /** Adds an answer, also a partial one; one without any text does not count. */
  answer(text: string): void {
    if (text !== '') this.turns.push({ role: 'assistant', content: text });
  }

  /** Takes the last answer back. Returns whether there is a message to answer again. */
  retry(): boolean {
    if (this.turns.at(-1)?.role === 'assistant') this.turns.pop();
    return this.turns.length > 0;
  }

  /** Forgets all messages. */
  clear(): void {
    this.turns = [];
  }

  /** The conversation as a Markdown document. */
  toMarkdown(): string {
    const parts = this.messages.map(({ role, content }) => `## ${headings[role] ?? role}\n\n${textOf(content)}\n`);
    return parts.join('\n');
  }
}

const headings: Readonly<Record<string, string>> = { system: 'System', user: 'You', assistant: 'Model' };

/** The text of a message; an image is only mentioned. */
function textOf(content: ChatMessage['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => ('text' in part ? String(part.text) : '(image)')).join('\n\n');
}
