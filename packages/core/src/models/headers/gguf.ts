// Reads the header of a GGUF file. The libraries build every token of the vocabulary as a value; this reader skips arrays,
// holds 256 KiB of the file, and refuses counts and lengths that the file cannot hold.
import type { FileHandle } from 'node:fs/promises';
import { tensorBlocks, valueBytes } from './gguf-types.js';
import { BrokenFile, GgufWindow } from './gguf-window.js';

const stringType = 8;
const arrayType = 9;
const boolType = 7;
const longestHeader = 256 * 1024 * 1024;
const longestKey = 65_535;
const longestTemplate = 256 * 1024;
const longestString = 4096;
const longestArray = 4096;
/** Arrays with a value for each layer. */
const perLayerKey =
  /\.(?:feed_forward_length|attention\.(?:head_count|head_count_kv|sliding_window_pattern|recurrent_layers))$/;

/** What a GGUF header says; of its arrays only those with a value for each layer. */
export interface GgufHeader {
  readonly version: number;
  /** Numbers, booleans and strings by key. */
  readonly values: ReadonlyMap<string, string | number | boolean>;
  /** Arrays with a value for each layer (`….head_count_kv`) by key; a boolean is 0 or 1. */
  readonly perLayer: ReadonlyMap<string, readonly number[]>;
  /** Arrays by key: how many elements. */
  readonly lengths: ReadonlyMap<string, number>;
  /** Weights over all tensors of this file. */
  readonly parameters: number;
  /** Bytes the whole file must have for its tensors to be in it. */
  readonly bytesNeeded: number;
}

/** A header, or why there is none: a sentence part such as `it ends within its header …`. */
export type GgufReading =
  | { readonly header: GgufHeader; readonly broken?: never; readonly wrongFormat?: never }
  | { readonly header?: never; readonly broken: string; readonly wrongFormat: boolean };

/** Reads the header of a file of `size` bytes; throws only errors of the file system. */
export async function readGguf(file: FileHandle, size: number): Promise<GgufReading> {
  try {
    return { header: await readHeader(new GgufWindow(file, Math.min(size, longestHeader)), size) };
  } catch (error) {
    if (error instanceof BrokenFile) return { broken: error.message, wrongFormat: error.wrongFormat };
    throw error;
  }
}

async function readHeader(file: GgufWindow, size: number): Promise<GgufHeader> {
  if (size === 0) throw new BrokenFile('it is empty');
  const version = await readVersion(file, size);
  await file.need(16);
  const tensors = file.uint64();
  const pairs = file.uint64();
  refuseCount('tensors', tensors, 24, size);
  refuseCount('metadata entries', pairs, 13, size);
  const found = { values: new Map(), perLayer: new Map(), lengths: new Map() } satisfies Found;
  for (let index = 0; index < pairs; index++) await readPair(file, await readString(file, longestKey, 'key'), found);
  const sums = await readTensors(file, tensors);
  const alignment: unknown = found.values.get('general.alignment');
  return {
    version,
    ...found,
    parameters: sums.parameters,
    bytesNeeded: roundUp(file.position, typeof alignment === 'number' ? alignment : 32) + sums.dataBytes,
  };
}

async function readVersion(file: GgufWindow, size: number): Promise<number> {
  if (size < 24) throw new BrokenFile(`it has only ${size} bytes, too few for a GGUF header`);
  await file.need(8);
  const magic = file.text(4, 'latin1');
  if (magic !== 'GGUF') throw new BrokenFile(`it is not a GGUF file: it begins with ${JSON.stringify(magic)}`, true);
  const version = file.uint32();
  if (version === 2 || version === 3) return version;
  if (version > 0xffff)
    throw new BrokenFile('it is written for big-endian machines; get the usual, little-endian file');
  throw new BrokenFile(`its GGUF version is ${version}; versions 2 and 3 can be read`);
}

function refuseCount(what: string, count: number, bytesEach: number, size: number): void {
  if (count * bytesEach > size)
    throw new BrokenFile(`it says that it has ${count} ${what}, which cannot be in ${size} bytes`);
}

interface Found {
  readonly values: Map<string, string | number | boolean>;
  readonly perLayer: Map<string, readonly number[]>;
  readonly lengths: Map<string, number>;
}

async function readPair(file: GgufWindow, key: string, found: Found): Promise<void> {
  await file.need(4);
  const type = file.uint32();
  if (type === arrayType) return readArray(file, key, found);
  const value = type === stringType ? await readValueString(file, key) : await readScalar(file, key, type);
  if (value !== undefined) found.values.set(key, value);
}

async function readScalar(file: GgufWindow, key: string, type: number): Promise<number | boolean> {
  await file.need(sizeOf(type, key));
  return type === boolType ? file.uint8() !== 0 : file.number(type);
}

async function readValueString(file: GgufWindow, key: string): Promise<string | undefined> {
  await file.need(8);
  const length = file.uint64();
  if (length > (key === 'tokenizer.chat_template' ? longestTemplate : longestString)) {
    file.skip(length);
    return undefined;
  }
  await file.need(length);
  return file.text(length);
}

async function readArray(file: GgufWindow, key: string, { perLayer, lengths }: Found): Promise<void> {
  await file.need(12);
  const type = file.uint32();
  const length = file.uint64();
  lengths.set(key, length);
  if (type === stringType) return file.skipStrings(length);
  const bytes = sizeOf(type, key) * length;
  if (!perLayerKey.test(key) || length === 0 || length > longestArray) return file.skip(bytes);
  await file.need(bytes);
  perLayer.set(
    key,
    Array.from({ length }, () => (type === boolType ? file.uint8() : file.number(type))),
  );
}

async function readString(file: GgufWindow, longest: number, what: string): Promise<string> {
  await file.need(8);
  const length = file.uint64();
  if (length > longest)
    throw new BrokenFile(`it has a ${what} of ${length} bytes at byte ${file.position - 8}, which no file has`);
  await file.need(length);
  return file.text(length);
}

function sizeOf(type: number, key: string): number {
  const bytes = valueBytes[type] ?? 0;
  if (bytes === 0)
    throw new BrokenFile(`its value "${key.slice(0, 80)}" is of a kind (${type}) that GGUF does not have`);
  return bytes;
}

async function readTensors(file: GgufWindow, count: number): Promise<{ parameters: number; dataBytes: number }> {
  let parameters = 0;
  let dataBytes = 0;
  for (let index = 0; index < count; index++) {
    const { weights, end } = await readTensor(file);
    parameters += weights;
    dataBytes = Math.max(dataBytes, end);
  }
  return { parameters, dataBytes };
}

async function readTensor(file: GgufWindow): Promise<{ weights: number; end: number }> {
  const name = (await readString(file, longestKey, 'tensor name')).slice(0, 80);
  await file.need(4);
  const dimensions = file.uint32();
  if (dimensions > 8) throw new BrokenFile(`its tensor "${name}" has ${dimensions} dimensions`);
  await file.need(dimensions * 8 + 12);
  let weights = 1;
  for (let index = 0; index < dimensions; index++) weights *= file.uint64();
  if (!Number.isSafeInteger(weights)) throw new BrokenFile(`its tensor "${name}" has an impossible size`);
  const [blockWeights, blockBytes] = tensorBlocks[file.uint32()] ?? [1, 0];
  return { weights, end: file.uint64() + Math.ceil(weights / blockWeights) * blockBytes };
}

function roundUp(position: number, alignment: number): number {
  return alignment > 0 ? Math.ceil(position / alignment) * alignment : position;
}
