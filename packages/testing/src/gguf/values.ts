// The numbers and texts of a GGUF header, encoded: little-endian, each metadata value behind the number of its type.

/** An encoded metadata value: the type's number, then the value. */
export type Value = Buffer;

const types = { uint16: 2, uint32: 4, int32: 5, float32: 6, boolean: 7, text: 8, list: 9 } as const;

export function uint16Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function uint32Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function uint64Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A text is its length in bytes, then UTF-8. */
export function textBytes(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint64Bytes(bytes.length), bytes]);
}

function int32Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function float32Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function typed(type: number, ...bytes: Buffer[]): Value {
  return Buffer.concat([uint32Bytes(type), ...bytes]);
}

function list(type: number, items: Buffer[]): Value {
  // Not passed as arguments: a vocabulary has more items than a call can have.
  return Buffer.concat([uint32Bytes(types.list), uint32Bytes(type), uint64Bytes(items.length), ...items]);
}

export const uint16 = (value: number): Value => typed(types.uint16, uint16Bytes(value));
export const uint32 = (value: number): Value => typed(types.uint32, uint32Bytes(value));
export const int32 = (value: number): Value => typed(types.int32, int32Bytes(value));
export const float32 = (value: number): Value => typed(types.float32, float32Bytes(value));
export const boolean = (value: boolean): Value => typed(types.boolean, Buffer.from([value ? 1 : 0]));
export const text = (value: string): Value => typed(types.text, textBytes(value));
export const texts = (values: readonly string[]): Value => list(types.text, values.map(textBytes));
export const float32s = (values: readonly number[]): Value => list(types.float32, values.map(float32Bytes));
export const int32s = (values: readonly number[]): Value => list(types.int32, values.map(int32Bytes));
