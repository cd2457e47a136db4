// The items of an output: the events that stream each of them, and the item as a whole.
import { randomUUID } from 'node:crypto';
import type { ChatPart } from '@lamina/core/plugin';

/** The state of an item. */
export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

/** An event without what all events have in common. */
export interface ItemEvent {
  readonly type: `response.${string}`;
  readonly [field: string]: unknown;
}

type CallPart = Extract<ChatPart, { type: 'tool_call' }>;

/** An item that is being written. */
export interface OutputItem {
  readonly id: string;
  /** Whether the part belongs to this item. */
  continuesWith(part: ChatPart): boolean;
  /** The events that begin it, without the one that adds the item. */
  open(): ItemEvent[];
  /** The events for a further part. */
  add(part: ChatPart): ItemEvent[];
  /** The events that complete it, without the one that ends the item. */
  close(): ItemEvent[];
  /** The item as it is now. */
  whole(status: ItemStatus): { readonly id: string; readonly [field: string]: unknown };
}

/** The item that begins with a part. */
export function itemFor(part: ChatPart): OutputItem {
  if (part.type === 'tool_call') return new FunctionCallItem(part);
  return part.type === 'text' ? new MessageItem() : new ReasoningItem();
}

/** An id that no other response has: clients refer to items of earlier responses by it. */
export function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`;
}

/** What the model thinks. As a summary, because clients show only that. */
class ReasoningItem implements OutputItem {
  readonly id = newId('rs');
  #text = '';

  continuesWith(part: ChatPart): boolean {
    return part.type === 'reasoning';
  }

  open(): ItemEvent[] {
    return [{ type: 'response.reasoning_summary_part.added', summary_index: 0, part: this.#part() }];
  }

  add(part: ChatPart): ItemEvent[] {
    if (part.type !== 'reasoning') return [];
    this.#text += part.text;
    return [{ type: 'response.reasoning_summary_text.delta', summary_index: 0, delta: part.text }];
  }

  close(): ItemEvent[] {
    return [
      { type: 'response.reasoning_summary_text.done', summary_index: 0, text: this.#text },
      { type: 'response.reasoning_summary_part.done', summary_index: 0, part: this.#part() },
    ];
  }

  whole(status: ItemStatus): { id: string; type: string; summary: object[] } {
    const isEmpty = status === 'in_progress' && this.#text === '';
    return { id: this.id, type: 'reasoning', summary: isEmpty ? [] : [this.#part()] };
  }

  #part(): object {
    return { type: 'summary_text', text: this.#text };
  }
}

/** What the model says. */
export class MessageItem implements OutputItem {
  readonly id = newId('msg');
  #text = '';

  continuesWith(part: ChatPart): boolean {
    return part.type === 'text';
  }

  open(): ItemEvent[] {
    return [{ type: 'response.content_part.added', content_index: 0, part: this.#part() }];
  }

  add(part: ChatPart): ItemEvent[] {
    if (part.type !== 'text') return [];
    this.#text += part.text;
    return [{ type: 'response.output_text.delta', content_index: 0, delta: part.text, logprobs: [] }];
  }

  close(): ItemEvent[] {
    return [
      { type: 'response.output_text.done', content_index: 0, text: this.#text, logprobs: [] },
      { type: 'response.content_part.done', content_index: 0, part: this.#part() },
    ];
  }

  whole(status: ItemStatus): { id: string; type: string; status: ItemStatus; role: string; content: object[] } {
    const isEmpty = status === 'in_progress' && this.#text === '';
    return { id: this.id, type: 'message', status, role: 'assistant', content: isEmpty ? [] : [this.#part()] };
  }

  #part(): object {
    return { type: 'output_text', text: this.#text, annotations: [], logprobs: [] };
  }
}

/** A function that the model calls. */
class FunctionCallItem implements OutputItem {
  readonly id = newId('fc');
  #arguments = '';

  constructor(private readonly call: CallPart) {}

  continuesWith(part: ChatPart): boolean {
    return part.type === 'tool_call' && part.index === this.call.index;
  }

  open(): ItemEvent[] {
    return [];
  }

  add(part: ChatPart): ItemEvent[] {
    return part.type === 'tool_call' ? this.#append(part.arguments) : [];
  }

  close(): ItemEvent[] {
    // Some engines write nothing for a function without parameters, and clients parse what they get.
    const events = this.#arguments === '' ? this.#append('{}') : [];
    const { name } = this.call;
    return [...events, { type: 'response.function_call_arguments.done', name, arguments: this.#arguments }];
  }

  whole(status: ItemStatus): { id: string; type: string; [field: string]: unknown } {
    const { id: call_id, name } = this.call;
    return { id: this.id, type: 'function_call', status, call_id, name, arguments: this.#arguments };
  }

  #append(delta: string): ItemEvent[] {
    if (delta === '') return [];
    this.#arguments += delta;
    return [{ type: 'response.function_call_arguments.delta', delta }];
  }
}
