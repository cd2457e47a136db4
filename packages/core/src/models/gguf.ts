// Reads the header of a GGUF file. Lamina's own reader, because the libraries build every token of the vocabulary as a
// value: this one passes over arrays, holds a window of 256 KiB, and is bounded by what the file itself can hold. It
// waits for the disk, so it runs in the thread that looks at disks.
import { closeSync, openSync } from 'node:fs';
import { reasonOf } from '../kernel/reason.js';
import { tensorBlocks, valueBytes } from './gguf-types.js';
import { BrokenFile, GgufWindow, type TextPlace } from './gguf-window.js';

const stringType = 8;
const arrayType = 9;
const boolType = 7;
const longestHeader = 256 * 1024 * 1024;
const longestKey = 65_535;
const longestTemplate = 256 * 1024;
const longestString = 4096;
const longestArray = 4096;
/**
 * Keys that headers before had, by their place: most headers have the same, and to compare one costs a third of making
 * it anew.
 */
const usualKeys: string[] = [];
const mostUsualKeys = 64;
const longestUsualKey = 64;

/** What a GGUF header says, without its arrays. */
export interface GgufHeader {
  readonly version: number;
  /** Numbers, booleans and strings by key; of an array of numbers per layer (`….head_count_kv`) the largest. */
  readonly values: ReadonlyMap<string, string | number | boolean>;
  /** Arrays by key: how many elements. */
  readonly lengths: ReadonlyMap<string, number>;
  /** Weights over all tensors of this file. */
  readonly parameters: number;
  /** Bytes the whole file must have for its tensors to be in it. */
  readonly bytesNeeded: number;
}

/**
 * A header, or why there is none: one sentence part, such as `it ends within its header …`; `foreign` when it is no
 * GGUF at all, `unreadable` when the disk does not give it.
 */
export type GgufReading =
  | { readonly header: GgufHeader; readonly broken?: never; readonly foreign?: never; readonly unreadable?: never }
  | { readonly header?: never; readonly broken: string; readonly foreign?: boolean; readonly unreadable?: boolean };

/**
 * Reads the header of a file of so many bytes. Never throws for what a file contains; `broken` says what is wrong with
 * it.
 */
export function readGguf(path: string, size: number): GgufReading {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return { header: readHeader(new GgufWindow(file, Math.min(size, longestHeader)), size) };
  } catch (error) {
    if (error instanceof BrokenFile) return { broken: error.message, foreign: error.foreign };
    return { broken: `it cannot be read: ${reasonOf(error)}`, unreadable: true };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function readHeader(file: GgufWindow, size: number): GgufHeader {
  if (size === 0) throw new BrokenFile('it is empty');
  const version = readVersion(file, size);
  file.need(16);
  const tensors = file.uint64();
  const pairs = file.uint64();
  refuseCount('tensors', tensors, 24, size);
  refuseCount('metadata entries', pairs, 13, size);
  const values = new Map<string, string | number | boolean>();
  const lengths = new Map<string, number>();
  for (let index = 0; index < pairs; index++) readPair(file, readKey(file, index), values, lengths);
  const sums = readTensors(file, tensors);
  const alignment = values.get('general.alignment');
  return {
    version,
    values,
    lengths,
    parameters: sums.parameters,
    bytesNeeded: roundUp(file.position, typeof alignment === 'number' ? alignment : 32) + sums.dataBytes,
  };
}

function readVersion(file: GgufWindow, size: number): number {
  if (size < 24) throw new BrokenFile(`it has only ${size} bytes, too few for a GGUF header`);
  const magic = file.text(4, 'latin1');
  if (magic !== 'GGUF') throw new BrokenFile(`it is not a GGUF file: it begins with ${JSON.stringify(magic)}`, true);
  file.need(4);
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

function readPair(
  file: GgufWindow,
  key: string,
  values: Map<string, string | number | boolean>,
  lengths: Map<string, number>,
): void {
  file.need(4);
  const type = file.uint32();
  if (type === arrayType) return readArray(file, key, values, lengths);
  const value = type === stringType ? readWantedString(file, key) : readScalar(file, key, type);
  if (value !== undefined) values.set(key, value);
}

function readScalar(file: GgufWindow, key: string, type: number): number | boolean {
  file.need(sizeOf(type, key));
  return type === boolType ? file.uint8() !== 0 : file.number(type);
}

function readWantedString(file: GgufWindow, key: string): string | undefined {
  file.need(8);
  const length = file.uint64();
  if (length <= (key === 'tokenizer.chat_template' ? longestTemplate : longestString)) return file.text(length, 'utf8');
  file.skip(length);
  return undefined;
}

function readArray(
  file: GgufWindow,
  key: string,
  values: Map<string, string | number | boolean>,
  lengths: Map<string, number>,
): void {
  file.need(12);
  const type = file.uint32();
  const length = file.uint64();
  lengths.set(key, length);
  if (type === stringType) return file.skipStrings(length);
  const bytes = sizeOf(type, key) * length;
  const perLayer = /\.attention\.head_count(_kv)?$/.test(key) && length > 0 && length <= longestArray;
  if (!perLayer) return file.skip(bytes);
  file.need(bytes);
  values.set(key, Math.max(...Array.from({ length }, () => file.number(type))));
}

function readKey(file: GgufWindow, place: number): string {
  const length = readLength(file, longestKey, 'key');
  const usual = usualKeys[place];
  if (usual?.length === length && file.passes(usual)) return usual;
  const key = file.text(length, 'utf8');
  const isAscii = key.length === length;
  if (isAscii && place < mostUsualKeys && length <= longestUsualKey) usualKeys[place] = key;
  return key;
}

/** Where a string is that is seldom wanted; a large model has a thousand names of tensors. */
function passString(file: GgufWindow, longest: number, what: string): TextPlace {
  const length = readLength(file, longest, what);
  const position = file.position;
  file.skip(length);
  return { position, length };
}

function readLength(file: GgufWindow, longest: number, what: string): number {
  file.need(8);
  const length = file.uint64();
  if (length > longest)
    throw new BrokenFile(`it has a ${what} of ${length} bytes at byte ${file.position - 8}, which no file has`);
  return length;
}

function sizeOf(type: number, key: string): number {
  const bytes = valueBytes[type];
  if (bytes === undefined)
    throw new BrokenFile(`its value "${key.slice(0, 80)}" is of a kind (${type}) that GGUF does not have`);
  return bytes;
}

function readTensors(file: GgufWindow, count: number): { parameters: number; dataBytes: number } {
  let parameters = 0;
  let dataBytes = 0;
  for (let index = 0; index < count; index++) {
    const { weights, end } = readTensor(file, passString(file, longestKey, 'tensor name'));
    parameters += weights;
    dataBytes = Math.max(dataBytes, end);
  }
  return { parameters, dataBytes };
}

function readTensor(file: GgufWindow, name: TextPlace): { weights: number; end: number } {
  file.need(4);
  const dimensions = file.uint32();
  if (dimensions > 8) throw new BrokenFile(`its tensor "${file.textAt(name, 80)}" has ${dimensions} dimensions`);
  file.need(dimensions * 8 + 12);
  let weights = 1;
  for (let index = 0; index < dimensions; index++) weights *= file.uint64();
  if (!Number.isSafeInteger(weights))
    throw new BrokenFile(`its tensor "${file.textAt(name, 80)}" has an impossible size`);
  const [blockWeights, blockBytes] = tensorBlocks[file.uint32()] ?? [1, 0];
  return { weights, end: file.uint64() + Math.ceil(weights / blockWeights) * blockBytes };
}

function roundUp(position: number, alignment: number): number {
  return alignment > 0 ? Math.ceil(position / alignment) * alignment : position;
}
