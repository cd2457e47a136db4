// Tensors and how their numbers are stored: as f32, as f16, or in q8_0 blocks of 32 numbers that share a scale.

/** The storage types a tiny model can have. */
export type TensorType = 'f32' | 'f16' | 'q8_0';

/** A tensor of a GGUF file. */
export interface Tensor {
  readonly name: string;
  /** The length of a row first. */
  readonly shape: readonly number[];
  /** Missing: all zero, which takes no space on disk. */
  readonly values?: Float32Array;
}

/** How a type is written: its number in the file, and how many bytes a block of so many numbers takes. */
const storage = {
  f32: { number: 0, block: 1, bytes: 4, encode: encodeF32 },
  f16: { number: 1, block: 1, bytes: 2, encode: encodeF16 },
  q8_0: { number: 8, block: 32, bytes: 34, encode: encodeQ8 },
} as const;

/** A tensor as it is written. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly typeNumber: number;
  readonly size: number;
  readonly bytes: Buffer | undefined;
}

/** Encodes a tensor. One-dimensional tensors (norms) stay f32, as every engine expects them. */
export function storeTensor(tensor: Tensor, type: TensorType): StoredTensor {
  const form = storage[tensor.shape.length === 1 ? 'f32' : type];
  const count = tensor.shape.reduce((product, length) => product * length, 1);
  return {
    name: tensor.name,
    shape: tensor.shape,
    typeNumber: form.number,
    size: (count / form.block) * form.bytes,
    bytes: tensor.values && form.encode(tensor.values),
  };
}

function encodeF32(values: Float32Array): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes;
}

function encodeF16(values: Float32Array): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16LE(halfFloat(value), index * 2));
  return bytes;
}

function encodeQ8(values: Float32Array): Buffer {
  const bytes = Buffer.alloc((values.length / 32) * 34);
  for (let start = 0, at = 0; start < values.length; start += 32, at += 34) {
    const block = values.subarray(start, start + 32);
    const scale = Math.max(...block.map(Math.abs)) / 127;
    bytes.writeUInt16LE(halfFloat(scale), at);
    block.forEach((value, index) => bytes.writeInt8(scale === 0 ? 0 : Math.round(value / scale), at + 2 + index));
  }
  return bytes;
}

/** The bits of a number in half precision, for numbers of ordinary size: smaller than 2^-14 becomes 0. */
function halfFloat(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size < 2 ** -14) return sign;
  const exponent = Math.floor(Math.log2(size));
  // Adding, not or-ing: a mantissa that rounds up to 1024 carries into the exponent, as it should.
  return sign + ((exponent + 15) << 10) + Math.round((size / 2 ** exponent - 1) * 1024);
}
