// Writes a tiny but complete llama-architecture model, the same bytes every time, that says a chosen sentence in any
// engine that opens GGUF.
import { bigramTensors, shapeOf, type Shape } from './gguf/bigram.js';
import { writeGguf, type Metadata } from './gguf/file.js';
import { chatTemplate } from './gguf/template.js';
import { storeTensor, type StoredTensor, type TensorType } from './gguf/tensor.js';
import { boolean, float32, float32s, int32, int32s, text, texts, uint16, uint32 } from './gguf/values.js';
import { special, Vocabulary } from './gguf/vocabulary.js';

/** What a tiny model is to be. */
export interface TinyGgufOptions {
  /** `general.name`; default `tiny`. */
  readonly name?: string;
  /**
   * What it says; default ` Hello from the model <name>.`. With `/count` in the last message it counts without end,
   * with `/think` it thinks first, with `/tool` it calls `get_weather`.
   */
  readonly say?: string;
  /** Sentences that it knows but says only under a {@link tinyAdapter}. */
  readonly alternatives?: readonly string[];
  /**
   * Default 2. More layers and longer embeddings make a model slower, not larger on disk: 8 and 512 say about 300
   * tokens a second on one core.
   */
  readonly layers?: number;
  /** A multiple of 32; default 64. */
  readonly embeddingLength?: number;
  /** The longest context it claims to be trained for, in tokens; default 2048. */
  readonly contextLength?: number;
  /** How the weights are stored; default `f32`. */
  readonly type?: TensorType;
  /** The number of files; with more than one they are called `<name>-00001-of-0000N.gguf`. Default 1. */
  readonly shards?: number;
}

/** A model that was written. */
export interface TinyGguf {
  /** The files; the first is the one an engine is given. */
  readonly paths: readonly [string, ...string[]];
  /** Their sizes together, holes included. */
  readonly bytes: number;
  /** The sentence. */
  readonly says: string;
}

/** Writes a tiny model to `path`, which ends in `.gguf`. */
export async function tinyGguf(path: string, options: TinyGgufOptions = {}): Promise<TinyGguf> {
  const { type = 'f32', shards = 1 } = options;
  const vocabulary = vocabularyOf(options);
  const shape = shapeFor(options);
  const tensors = bigramTensors(vocabulary, shape).map((tensor) => storeTensor(tensor, type));
  const metadata = [
    ...generalMetadata(nameOf(options), type),
    ...llamaMetadata(shape, options.contextLength ?? 2048, vocabulary),
    ...tokenizerMetadata(vocabulary),
  ];
  const says = sentencesOf(options)[0]!;
  if (shards === 1) return { paths: [path], bytes: await writeGguf(path, metadata, tensors), says };
  return { ...(await writeShards(path, shards, metadata, tensors)), says };
}

/** The tokens of the model these options describe. */
export function vocabularyOf(options: TinyGgufOptions): Vocabulary {
  return new Vocabulary(sentencesOf(options));
}

/** The sizes of the model these options describe. */
export function shapeFor(options: TinyGgufOptions): Shape {
  return shapeOf(options.layers ?? 2, options.embeddingLength ?? 64);
}

function nameOf(options: TinyGgufOptions): string {
  return options.name ?? 'tiny';
}

function sentencesOf(options: TinyGgufOptions): string[] {
  return [options.say ?? ` Hello from the model ${nameOf(options)}.`, ...(options.alternatives ?? [])];
}

/** The metadata is in the first shard alone; each has the numbers that tell its place. */
async function writeShards(
  path: string,
  shards: number,
  metadata: Metadata,
  tensors: readonly StoredTensor[],
): Promise<Omit<TinyGguf, 'says'>> {
  const each = Math.ceil(tensors.length / shards);
  const paths: string[] = [];
  let bytes = 0;
  for (let shard = 0; shard < shards; shard++) {
    const place: Metadata = [
      ['split.no', uint16(shard)],
      ['split.count', uint16(shards)],
      ['split.tensors.count', int32(tensors.length)],
    ];
    const file = path.replace(/\.gguf$/, `-${digits(shard + 1)}-of-${digits(shards)}.gguf`);
    paths.push(file);
    bytes += await writeGguf(
      file,
      [...(shard === 0 ? metadata : []), ...place],
      tensors.slice(shard * each, (shard + 1) * each),
    );
  }
  return { paths: paths as [string, ...string[]], bytes };
}

function digits(number: number): string {
  return String(number).padStart(5, '0');
}

function generalMetadata(name: string, type: TensorType): Metadata {
  return [
    ['general.architecture', text('llama')],
    ['general.type', text('model')],
    ['general.name', text(name)],
    ['general.file_type', uint32({ f32: 0, f16: 1, q8_0: 7 }[type])],
    ['general.quantization_version', uint32(2)],
  ];
}

function llamaMetadata(shape: Shape, contextLength: number, vocabulary: Vocabulary): Metadata {
  return [
    ['llama.block_count', uint32(shape.layers)],
    ['llama.context_length', uint32(contextLength)],
    ['llama.embedding_length', uint32(shape.embeddingLength)],
    ['llama.feed_forward_length', uint32(shape.feedForwardLength)],
    ['llama.attention.head_count', uint32(shape.headCount)],
    ['llama.attention.head_count_kv', uint32(shape.keyValueHeadCount)],
    ['llama.attention.layer_norm_rms_epsilon', float32(1e-5)],
    ['llama.rope.dimension_count', uint32(shape.embeddingLength / shape.headCount)],
    ['llama.rope.freq_base', float32(10_000)],
    ['llama.vocab_size', uint32(vocabulary.size)],
  ];
}

function tokenizerMetadata(vocabulary: Vocabulary): Metadata {
  return [
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.pre', text('default')],
    ['tokenizer.ggml.tokens', texts(vocabulary.texts)],
    // The tokenizer merges towards the highest score: the lower the later, so that a prompt is cut into characters.
    ['tokenizer.ggml.scores', float32s(vocabulary.texts.map((_, id) => -id))],
    ['tokenizer.ggml.token_type', int32s(vocabulary.kinds)],
    ['tokenizer.ggml.bos_token_id', uint32(vocabulary.id(special.begin))],
    ['tokenizer.ggml.eos_token_id', uint32(vocabulary.id(special.end))],
    ['tokenizer.ggml.eot_token_id', uint32(vocabulary.id(special.endOfTurn))],
    ['tokenizer.ggml.unknown_token_id', uint32(vocabulary.id(special.unknown))],
    ['tokenizer.ggml.padding_token_id', uint32(vocabulary.id(special.unknown))],
    ['tokenizer.ggml.add_bos_token', boolean(true)],
    ['tokenizer.ggml.add_eos_token', boolean(false)],
    ['tokenizer.ggml.add_space_prefix', boolean(false)],
    ['tokenizer.chat_template', text(chatTemplate)],
  ];
}
