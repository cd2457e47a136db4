// Writes a tiny, complete model of the llama architecture that answers with a chosen sentence in every engine that loads
// GGUF. The bytes are the same every time.
import { bigramTensors, shapeOf, type Shape } from './gguf/bigram.js';
import { writeGguf, type Metadata } from './gguf/file.js';
import { chatTemplate } from './gguf/template.js';
import { storeTensor, type StoredTensor, type TensorType } from './gguf/tensor.js';
import { boolean, float32, float32s, int32, int32s, text, texts, uint16, uint32 } from './gguf/values.js';
import { special, Vocabulary } from './gguf/vocabulary.js';

/** The options of {@link tinyGguf}. */
export interface TinyGgufOptions {
  /** `general.name`. Default `tiny`. */
  readonly name?: string;
  /**
   * Its answer. Default ` Hello from the model <name>.`. If the last message contains `/count`, it counts without end;
   * with `/think` it thinks first; with `/tool` it calls `get_weather`.
   */
  readonly say?: string;
  /** Sentences that it answers with only with a {@link tinyAdapter}. */
  readonly alternatives?: readonly string[];
  /**
   * Default 2. More layers and longer embeddings make a model slower, not larger on disk: 8 layers of 512 generate about
   * 300 tokens per second on one core.
   */
  readonly layers?: number;
  /** A multiple of 32. Default 64. */
  readonly embeddingLength?: number;
  /** The context length of its training according to its metadata, in tokens. Default 2048. */
  readonly contextLength?: number;
  /** Storage type of the weights. Default `f32`. */
  readonly type?: TensorType;
  /** Number of files; more than one are named `<name>-00001-of-0000N.gguf`. Default 1. */
  readonly shards?: number;
}

/** The written model. */
export interface TinyGguf {
  /** The files; engines load the first. */
  readonly paths: readonly [string, ...string[]];
  /** The total size of the files, holes included. */
  readonly bytes: number;
  /** Its answer. */
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

/** The vocabulary for these options. */
export function vocabularyOf(options: TinyGgufOptions): Vocabulary {
  return new Vocabulary(sentencesOf(options));
}

/** The dimensions for these options. */
export function shapeFor(options: TinyGgufOptions): Shape {
  return shapeOf(options.layers ?? 2, options.embeddingLength ?? 64);
}

function nameOf(options: TinyGgufOptions): string {
  return options.name ?? 'tiny';
}

function sentencesOf(options: TinyGgufOptions): string[] {
  return [options.say ?? ` Hello from the model ${nameOf(options)}.`, ...(options.alternatives ?? [])];
}

/** Only the first shard has the metadata; all have their number and count. */
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
    // The tokenizer prefers high scores; scores that fall with the length split a prompt into characters.
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
