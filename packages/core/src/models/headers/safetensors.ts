// Reads the header of a safetensors file: 8 bytes of length, then JSON that maps tensors to types, shapes and offsets.
import type { FileHandle } from 'node:fs/promises';
import { isMapping } from '../../kernel/json.js';
import type { FileHeader } from './file-header.js';

/** The largest header that the format allows; only smaller ones are parsed. */
const largestHeader = 100_000_000;
const largestParsed = 4 * 1024 * 1024;

/** Reads the header of a file of `size` bytes; throws only errors of the file system. */
export async function readSafetensors(file: FileHandle, size: number): Promise<FileHeader> {
  if (size < 8) return { broken: size === 0 ? 'it is empty' : `it has only ${size} bytes` };
  const start = Buffer.alloc(9);
  await file.read(start, 0, 9, 0);
  const length = start.readBigUInt64LE(0);
  if (length > BigInt(largestHeader) || start[8] !== 0x7b)
    return { broken: 'it is not a safetensors file', wrongFormat: true };
  const end = 8 + Number(length);
  if (end > size) return { broken: `it ends within its header: ${end} bytes are needed and only ${size} are there` };
  if (Number(length) > largestParsed) return {};
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Number(length)), 0, Number(length), 8);
  try {
    return fromTensors(JSON.parse(buffer.toString('utf8', 0, bytesRead)), end);
  } catch {
    return { broken: 'its header is not JSON' };
  }
}

function fromTensors(header: unknown, end: number): FileHeader {
  if (!isMapping(header)) return { broken: 'its header is not a JSON object' };
  let dataBytes = 0;
  let parameters = 0;
  let packed = false;
  for (const [name, tensor] of Object.entries(header)) {
    if (name === '__metadata__' || !isMapping(tensor)) continue;
    const { dtype, shape, data_offsets: offsets } = tensor;
    if (Array.isArray(offsets) && typeof offsets[1] === 'number') dataBytes = Math.max(dataBytes, offsets[1]);
    if (Array.isArray(shape))
      parameters += shape.reduce<number>((product, length) => product * (typeof length === 'number' ? length : 0), 1);
    // Quantised weights are packed into integers: their shapes do not count weights.
    packed ||= typeof dtype === 'string' && /^[IU]/.test(dtype);
  }
  return { bytesNeeded: end + dataBytes, ...(packed || parameters === 0 ? {} : { parameters }) };
}
