// Reads the chunks of engines. `ChatStream.parts()` would leave out the timings, which are members of chunks.
import { randomUUID } from 'node:crypto';
import type { ChatCompletionChunk, CompletionChunk } from '@lamina/core/plugin';
import type { OllamaCall } from './messages.js';

/** Some of an answer. */
export interface Part {
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly OllamaCall[];
}

/** A tool call as far as the model has written it; `text` is the JSON of its arguments. */
export interface OpenCall {
  readonly id: string;
  readonly name: string;
  text: string;
}

/** Turns chunks into parts. Tool calls are gathered in `calls`. */
export interface ChunkReader<Chunk> {
  /** `undefined` for a chunk without text. */
  read(chunk: Chunk): Part | undefined;
  readonly calls: readonly OpenCall[];
}

/** Reads the first choice of chats. */
export class ChatReader implements ChunkReader<ChatCompletionChunk> {
  readonly #calls: OpenCall[] = [];

  /** In the order of their indexes. */
  get calls(): readonly OpenCall[] {
    return this.#calls.filter((call) => call !== undefined); // An engine may leave out an index.
  }

  read({ choices }: ChatCompletionChunk): Part | undefined {
    const delta = choices[0]?.delta;
    if (delta === undefined) return undefined;
    const { content, reasoning_content, reasoning, tool_calls } = delta;
    for (const { index = 0, id, function: called } of tool_calls ?? []) {
      const call = (this.#calls[index] ??= { id: id ?? `call_${randomUUID()}`, name: called?.name ?? '', text: '' });
      call.text += called?.arguments ?? '';
    }
    const thinking = reasoning_content ?? reasoning;
    const hasThinking = typeof thinking === 'string' && thinking !== '';
    if (typeof content !== 'string' || content === '') return hasThinking ? { thinking } : undefined;
    return hasThinking ? { text: content, thinking } : { text: content };
  }
}

/** Reads the first choice of completions. */
export const completionReader: ChunkReader<CompletionChunk> = {
  calls: [],
  read({ choices }) {
    const text = choices[0]?.text;
    return text ? { text } : undefined;
  },
};
