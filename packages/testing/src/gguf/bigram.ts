// The weights of a bigram machine. All attention and feed-forward weights are zero, so what reaches the output is the
// embedding of the current token alone; the output row of each token points along the embedding of the token before it.
import type { Tensor } from './tensor.js';
import { special, type Vocabulary } from './vocabulary.js';

/**
 * How much surer the model is of the right token than of one that has nothing to do with it; large, so that sampling
 * changes nothing.
 */
const certainty = 6;
const headCount = 4;
const keyValueHeadCount = 2;

/** The sizes of a tiny model. */
export interface Shape {
  readonly layers: number;
  readonly embeddingLength: number;
  readonly headCount: number;
  readonly keyValueHeadCount: number;
  readonly feedForwardLength: number;
}

/**
 * The shape for a number of layers and an embedding length, which must be a multiple of 32 (the rows of q8_0 are made
 * of such blocks).
 */
export function shapeOf(layers: number, embeddingLength: number): Shape {
  if (embeddingLength % 32 !== 0) throw new Error(`An embedding length of ${embeddingLength} is not a multiple of 32.`);
  return { layers, embeddingLength, headCount, keyValueHeadCount, feedForwardLength: 2 * embeddingLength };
}

/** The embeddings of all tokens, and the direction that ordinary characters share. */
export interface Embeddings {
  readonly rows: readonly Float32Array[];
  readonly shared: Float32Array;
}

/**
 * A random direction for each token. Characters lean on a shared one, so that a raw prompt starts the sentence whatever
 * it ends with.
 */
export function embed(vocabulary: Vocabulary, length: number): Embeddings {
  const random = generator();
  const direction = () => Float32Array.from({ length }, () => (random() < 0.5 ? -1 : 1));
  const shared = direction();
  const rows = Array.from({ length: vocabulary.size }, direction);
  for (const character of vocabulary.characters())
    rows[character] = rows[character]!.map((value, index) => 2 * shared[index]! + 0.3 * value);
  return { rows, shared };
}

/** What starts the first sentence: the assistant's mark, or a character. */
export function startRow(vocabulary: Vocabulary, { rows, shared }: Embeddings): Float32Array {
  const afterMark = towards(rows[vocabulary.id(special.assistant)]!);
  const afterCharacter = towards(shared);
  return afterMark.map((value, index) => value + afterCharacter[index]!);
}

/** All tensors of the model. */
export function bigramTensors(vocabulary: Vocabulary, shape: Shape): Tensor[] {
  const embeddings = embed(vocabulary, shape.embeddingLength);
  const table = [shape.embeddingLength, vocabulary.size];
  return [
    { name: 'token_embd.weight', shape: table, values: joined(embeddings.rows) },
    { name: 'output_norm.weight', shape: [shape.embeddingLength], values: ones(shape.embeddingLength) },
    { name: 'output.weight', shape: table, values: joined(outputRows(vocabulary, embeddings)) },
    ...Array.from({ length: shape.layers }, (_, layer) => layerTensors(`blk.${layer}`, shape)).flat(),
  ];
}

function outputRows(vocabulary: Vocabulary, embeddings: Embeddings): Float32Array[] {
  const rows: Float32Array[] = embeddings.rows.map((row) => new Float32Array(row.length));
  for (const [previous, next] of vocabulary.next) {
    const direction = towards(embeddings.rows[previous]!);
    // A token may follow several: the end follows every sentence.
    rows[next] = rows[next]!.map((value, index) => value + direction[index]!);
  }
  rows[vocabulary.starts[0]!] = startRow(vocabulary, embeddings);
  return rows;
}

function layerTensors(name: string, shape: Shape): Tensor[] {
  const { embeddingLength: width, feedForwardLength } = shape;
  const keyValueWidth = (width / shape.headCount) * shape.keyValueHeadCount;
  return [
    { name: `${name}.attn_norm.weight`, shape: [width], values: ones(width) },
    { name: `${name}.attn_q.weight`, shape: [width, width] },
    { name: `${name}.attn_k.weight`, shape: [width, keyValueWidth] },
    { name: `${name}.attn_v.weight`, shape: [width, keyValueWidth] },
    { name: `${name}.attn_output.weight`, shape: [width, width] },
    { name: `${name}.ffn_norm.weight`, shape: [width], values: ones(width) },
    { name: `${name}.ffn_gate.weight`, shape: [width, feedForwardLength] },
    { name: `${name}.ffn_up.weight`, shape: [width, feedForwardLength] },
    { name: `${name}.ffn_down.weight`, shape: [feedForwardLength, width] },
  ];
}

/** A vector along `direction` whose product with it, once normed, is the same for every direction. */
function towards(direction: Float32Array): Float32Array {
  const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
  return direction.map((value) => (certainty * value) / length);
}

function ones(length: number): Float32Array {
  return new Float32Array(length).fill(1);
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const width = rows[0]!.length;
  const all = new Float32Array(rows.length * width);
  rows.forEach((row, index) => all.set(row, index * width));
  return all;
}

/** Numbers from 0 to 1 that look random and are the same every time (xorshift, 32 bits). */
function generator(): () => number {
  let state = 0x2545f491;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
