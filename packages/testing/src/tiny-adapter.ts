// Writes a tiny LoRA adapter for a tiny model; with it, the model answers with another of its sentences.
import { embed, startRow } from './gguf/bigram.js';
import { writeGguf, type Metadata } from './gguf/file.js';
import { storeTensor } from './gguf/tensor.js';
import { float32, text } from './gguf/values.js';
import { shapeFor, vocabularyOf, type TinyGgufOptions } from './tiny-gguf.js';

/** The options of {@link tinyAdapter}. */
export interface TinyAdapterOptions {
  /** `general.name`. Default `tiny-adapter`. */
  readonly name?: string;
  /** The options of its base model. */
  readonly base: TinyGgufOptions;
  /** What the base model answers with it: one of its `alternatives`. */
  readonly say: string;
}

/**
 * Writes an adapter to `path`. It is of rank 1, on `output.weight` alone: what made the first token of the base's
 * sentence follow a prompt is taken from that token and given to the first token of the other sentence.
 */
export async function tinyAdapter(path: string, options: TinyAdapterOptions): Promise<{ path: string; bytes: number }> {
  const vocabulary = vocabularyOf(options.base);
  const width = shapeFor(options.base).embeddingLength;
  const sentence = (options.base.alternatives ?? []).indexOf(options.say);
  if (sentence < 0)
    throw new Error(
      `The base of this adapter does not know the sentence "${options.say}"; name it in its alternatives.`,
    );
  const moved = new Float32Array(vocabulary.size);
  moved[vocabulary.starts[0]!] = -1;
  moved[vocabulary.starts[sentence + 1]!] = 1;
  const tensors = [
    { name: 'output.weight.lora_a', shape: [width, 1], values: startRow(vocabulary, embed(vocabulary, width)) },
    { name: 'output.weight.lora_b', shape: [1, vocabulary.size], values: moved },
  ];
  return {
    path,
    bytes: await writeGguf(
      path,
      metadata(options.name ?? 'tiny-adapter'),
      tensors.map((tensor) => storeTensor(tensor, 'f32')),
    ),
  };
}

/** Engines scale by alpha / rank, which is 1. */
function metadata(name: string): Metadata {
  return [
    ['general.architecture', text('llama')],
    ['general.type', text('adapter')],
    ['general.name', text(name)],
    ['adapter.type', text('lora')],
    ['adapter.lora.alpha', float32(1)],
  ];
}
