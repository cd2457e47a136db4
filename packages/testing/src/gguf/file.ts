// A GGUF file, version 3: magic, counts, metadata, a description of each tensor, then their bytes, each on a boundary
// of 32.
import { open } from 'node:fs/promises';
import type { StoredTensor } from './tensor.js';
import { textBytes, uint32Bytes, uint64Bytes, type Value } from './values.js';

/** Metadata in the order it is written. */
export type Metadata = readonly (readonly [key: string, value: Value])[];

const alignment = 32;

/** Writes a file and returns its size. Zero tensors become holes, so that a large model needs little disk space. */
export async function writeGguf(path: string, metadata: Metadata, tensors: readonly StoredTensor[]): Promise<number> {
  const header = encodeHeader(metadata, tensors);
  const file = await open(path, 'w');
  try {
    await file.write(header, 0, header.length, 0);
    let position = aligned(header.length);
    for (const tensor of tensors) {
      if (tensor.bytes !== undefined) await file.write(tensor.bytes, 0, tensor.size, position);
      position += aligned(tensor.size);
    }
    await file.truncate(position);
    return position;
  } finally {
    await file.close();
  }
}

function encodeHeader(metadata: Metadata, tensors: readonly StoredTensor[]): Buffer {
  return Buffer.concat([
    Buffer.from('GGUF'),
    uint32Bytes(3),
    uint64Bytes(tensors.length),
    uint64Bytes(metadata.length),
    ...metadata.flatMap(([key, value]) => [textBytes(key), value]),
    ...describeTensors(tensors),
  ]);
}

function describeTensors(tensors: readonly StoredTensor[]): Buffer[] {
  let offset = 0;
  return tensors.map((tensor) => {
    const shape = [uint32Bytes(tensor.shape.length), ...tensor.shape.map(uint64Bytes)];
    const bytes = Buffer.concat([
      textBytes(tensor.name),
      ...shape,
      uint32Bytes(tensor.typeNumber),
      uint64Bytes(offset),
    ]);
    offset += aligned(tensor.size);
    return bytes;
  });
}

function aligned(size: number): number {
  return Math.ceil(size / alignment) * alignment;
}
