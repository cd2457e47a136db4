// Reads the chunks of engines. `ChatStream.parts()` would leave out the timings, which are members of chunks.
import { ChatPartReader, type ChatCompletionChunk, type CompletionChunk } from '@lamina/core/plugin';
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
  readonly #parts = new ChatPartReader();
  readonly #calls: OpenCall[] = [];

  /** In the order of their indexes. */
  get calls(): readonly OpenCall[] {
    return this.#calls.filter((call) => call !== undefined); // An engine may leave out an index.
  }

  read(chunk: ChatCompletionChunk): Part | undefined {
    let text: string | undefined;
    let thinking: string | undefined;
    for (const part of this.#parts.read(chunk)) {
      if (part.type === 'tool_call') {
        const { index, id, name, arguments: piece } = part;
        (this.#calls[index] ??= { id, name, text: '' }).text += piece;
      } else if (part.type === 'text') text = part.text;
      else thinking = part.text;
    }
    if (text === undefined && thinking === undefined) return undefined;
    return { ...(text === undefined ? {} : { text }), ...(thinking === undefined ? {} : { thinking }) };
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
