// Safetensors files: a header, and 64 bytes of weights.

/** The bytes of a file with a header. */
export function tensors(header: object): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(64)]);
}
