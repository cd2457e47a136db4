// Reads the header of a safetensors file: 8 bytes of length, then JSON that maps tensors to types, shapes and offsets.
import { closeSync, openSync, readSync } from 'node:fs';
import { reasonOf } from '../../kernel/reason.js';
import type { FileFacts } from './file-facts.js';
import { isMapping } from '../manifest/omit-nulls.js';

/** The largest header the format allows; only smaller ones are looked into. */
const largestHeader = 100_000_000;
const largestParsed = 4 * 1024 * 1024;

/** What a safetensors file of so many bytes tells; what it contains never throws. */
export function readSafetensors(path: string, size: number): FileFacts {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    if (size < 8) return { broken: size === 0 ? 'it is empty' : `it has only ${size} bytes` };
    const start = Buffer.alloc(9);
    readSync(file, start, 0, 9, 0);
    const length = start.readBigUInt64LE(0);
    if (length > BigInt(largestHeader) || start[8] !== 0x7b)
      return { broken: 'it is not a safetensors file', wrongFormat: true };
    const end = 8 + Number(length);
    if (end > size) return { broken: `it ends within its header: ${end} bytes are needed and only ${size} are there` };
    if (Number(length) > largestParsed) return {};
    const header = Buffer.alloc(Number(length));
    return factsOf(JSON.parse(header.toString('utf8', 0, readSync(file, header, 0, header.length, 8))), end);
  } catch (error) {
    return error instanceof SyntaxError
      ? { broken: 'its header is not JSON' }
      : { broken: `it cannot be read: ${reasonOf(error)}`, unreadable: true };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function factsOf(header: unknown, end: number): FileFacts {
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
    // Quantised weights are packed several to an integer: their shapes do not count weights.
    packed ||= typeof dtype === 'string' && /^[IU]/.test(dtype);
  }
  return { bytesNeeded: end + dataBytes, ...(packed || parameters === 0 ? {} : { parameters }) };
}
