// An answer that is put together from the chunks of an engine.
import type { ChatProgress, LaminaClientError, Usage } from '@lamina/client';
import type { Answer, AnswerState, Timings } from './conversation.js';

/** A chunk as `ChatStream` yields it. */
export interface Chunk {
  readonly choices: readonly {
    readonly index?: number;
    readonly delta: {
      readonly content?: string | null;
      readonly reasoning_content?: string | null;
      readonly tool_calls?: readonly {
        readonly index?: number;
        readonly id?: string;
        readonly function?: { readonly name?: string; readonly arguments?: string };
      }[];
    };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: Usage | null;
  readonly [member: string]: unknown;
}

/** What an answer waits for. `reading`: tokens of the prompt. */
export type Progress =
  | ChatProgress
  | { readonly kind: 'reading'; readonly done: number; readonly total: number }
  | { readonly kind: 'sent' };

/** Collects one answer. */
export class AnswerDraft {
  #answer: Answer;
  /** What it waits for; `undefined` when it has begun. */
  progress: Progress | undefined = { kind: 'sent' };

  /** @param before What was read of it, before the page was loaded again. */
  constructor(before: Answer) {
    this.#answer = before;
    if (before.firstAt !== undefined) this.progress = undefined;
  }

  /** What there is of it. It counts as interrupted, unless somebody says how it ended. */
  get answer(): Answer {
    return this.#answer;
  }

  /** Adds a chunk. */
  add(chunk: Chunk): void {
    const { delta, finish_reason: reason } = chunk.choices.find(({ index = 0 }) => index === 0) ?? {};
    const text = delta?.content ?? '';
    const reasoning = delta?.reasoning_content ?? '';
    if (text !== '' || reasoning !== '') this.#write(text, reasoning);
    for (const call of delta?.tool_calls ?? []) this.#addToCall(call);
    const timings = chunk['timings'] as Timings | undefined;
    this.#set({
      ...(reason ? { finishReason: reason } : {}),
      ...(chunk.usage ? { usage: chunk.usage } : {}),
      ...(timings === undefined ? {} : { timings }),
    });
    this.#readProgress(chunk['prompt_progress']);
  }

  /** Ends it. */
  end(
    state: AnswerState,
    details: Partial<Pick<Answer, 'usage' | 'finishReason' | 'problem' | 'contextLength'>>,
  ): void {
    this.#set({ ...details, state, endedAt: Date.now() });
    this.progress = undefined;
  }

  #set(changed: Partial<Answer>): void {
    this.#answer = { ...this.#answer, ...changed };
  }

  #write(text: string, reasoning: string): void {
    const { text: before, reasoning: reasonedBefore, chunks, firstAt, textAt } = this.#answer;
    const now = Date.now();
    this.progress = undefined;
    this.#set({
      text: before + text,
      reasoning: reasonedBefore + reasoning,
      chunks: chunks + 1,
      firstAt: firstAt ?? now,
      ...(text === '' ? {} : { textAt: textAt ?? now }),
    });
  }

  #addToCall({
    index = 0,
    id,
    function: part,
  }: NonNullable<Chunk['choices'][number]['delta']['tool_calls']>[number]): void {
    const calls = [...this.#answer.toolCalls];
    // A hole in the list would be an invalid call.
    const at = Math.min(index, calls.length);
    const { id: known = '', function: before = { name: '', arguments: '' } } = calls[at] ?? {};
    calls[at] = {
      id: known || (id ?? ''),
      type: 'function',
      function: { name: before.name + (part?.name ?? ''), arguments: before.arguments + (part?.arguments ?? '') },
    };
    this.progress = undefined;
    this.#set({ toolCalls: calls, firstAt: this.#answer.firstAt ?? Date.now() });
  }

  #readProgress(progress: unknown): void {
    if (this.#answer.firstAt !== undefined || typeof progress !== 'object' || progress === null) return;
    const { total, processed } = progress as { readonly total?: unknown; readonly processed?: unknown };
    if (typeof total === 'number' && typeof processed === 'number')
      this.progress = { kind: 'reading', done: processed, total };
  }
}

/** How an answer ended with an error, and what people read of it. */
export function endOf({ code, message }: LaminaClientError): {
  readonly state: AnswerState;
  readonly problem?: string;
} {
  switch (code) {
    case 'ABORTED':
      return { state: 'stopped' };
    case 'CHAT_NOT_FOUND':
    case 'CHUNKS_LOST':
      return { state: 'interrupted', problem: 'The server no longer has the rest of this answer.' };
    case 'UNREACHABLE':
      return { state: 'interrupted', problem: 'The connection to the server was lost.' };
    default:
      return { state: 'failed', problem: message };
  }
}
