// Writes GGUF headers for tests: any key, any value, any tensor; all weights are zeros.
import { open, writeFile } from 'node:fs/promises';
import { readGguf, type GgufReading } from '../../dist/models/headers/gguf.js';

/** A value with its GGUF type: `['u32', 7]`, `['strings', ['a']]`. */
export type GgufValue =
  | ['u32', number]
  | ['u64', number]
  | ['f32', number]
  | ['bool', boolean]
  | ['string', string]
  | ['strings', readonly string[]]
  | ['f32s', number]
  | ['u32s', readonly number[]]
  | ['bools', readonly boolean[]];

/** A tensor: name, dimensions, GGUF type. */
export type GgufTensor = readonly [name: string, dimensions: readonly number[], type: number];

/** Contents of the file. */
export interface GgufParts {
  readonly version?: number;
  readonly values?: Readonly<Record<string, GgufValue>>;
  readonly tensors?: readonly GgufTensor[];
}

/** The values of a small llama model. */
export const tinyLlama: Readonly<Record<string, GgufValue>> = {
  'general.architecture': ['string', 'llama'],
  'general.type': ['string', 'model'],
  'general.file_type': ['u32', 15],
  'llama.block_count': ['u32', 2],
  'llama.context_length': ['u32', 2048],
  'llama.embedding_length': ['u32', 128],
  'llama.attention.head_count': ['u32', 4],
  'llama.attention.head_count_kv': ['u32', 2],
  'tokenizer.ggml.tokens': ['strings', Array.from({ length: 300 }, (_, index) => `token ${index}`)],
  'tokenizer.ggml.scores': ['f32s', 300],
  'tokenizer.chat_template': ['string', '{{ messages }}'],
};

/** The bytes of a GGUF file, weights included. */
export function ggufBytes({
  version = 3,
  values = tinyLlama,
  tensors = [['token_embd.weight', [128, 300], 0]],
}: GgufParts = {}): Buffer {
  const parts: Buffer[] = [Buffer.from('GGUF'), u32(version), u64(tensors.length), u64(Object.keys(values).length)];
  for (const [key, value] of Object.entries(values)) parts.push(string(key), ...valueBytes(value));
  let offset = 0;
  for (const [name, dimensions, type] of tensors) {
    parts.push(string(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset));
    offset += padded(weightsOf(dimensions) * 4);
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, Buffer.alloc(padded(header.length) - header.length + offset)]);
}

/** Writes {@link ggufBytes} to a file. */
export async function writeGguf(path: string, parts?: GgufParts): Promise<void> {
  await writeFile(path, ggufBytes(parts));
}

function valueBytes([type, value]: GgufValue): Buffer[] {
  if (type === 'string') return [u32(8), string(value)];
  if (type === 'u32') return [u32(4), u32(value)];
  if (type === 'u64') return [u32(10), u64(value)];
  if (type === 'f32') return [u32(6), Buffer.from(new Float32Array([value]).buffer)];
  if (type === 'bool') return [u32(7), Buffer.from([value ? 1 : 0])];
  if (type === 'strings') return [u32(9), u32(8), u64(value.length), ...value.map(string)];
  if (type === 'u32s') return [u32(9), u32(4), u64(value.length), ...value.map(u32)];
  if (type === 'bools') return [u32(9), u32(7), u64(value.length), Buffer.from(value.map(Number))];
  return [u32(9), u32(6), u64(value), Buffer.alloc(value * 4)];
}

/** Reads the header of a GGUF file. */
export async function readGgufFile(path: string): Promise<GgufReading> {
  const file = await open(path, 'r');
  try {
    return await readGguf(file, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function weightsOf(dimensions: readonly number[]): number {
  return dimensions.reduce((product, dimension) => product * dimension, 1);
}

function padded(length: number): number {
  return Math.ceil(length / 32) * 32;
}
