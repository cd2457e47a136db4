// Whether a file is what its name says, as far as its first bytes tell.
import { open } from 'node:fs/promises';

const headBytes = 64;

/** The first bytes of a file. */
export async function headOf(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** What is wrong with a file, a sentence part; `undefined` when nothing is seen. */
export function contentProblem(path: string, head: Buffer): string | undefined {
  if (/\.gguf$/i.test(path) && head.toString('latin1', 0, 4) !== 'GGUF') return 'is no GGUF file';
  if (/\.safetensors$/i.test(path) && !(head.length >= 9 && head.readBigUInt64LE(0) < 2n ** 32n && head[8] === 0x7b))
    return 'is no safetensors file';
  return /^\s*<(!doctype html|html)/i.test(head.toString('latin1')) && !/\.html?$/i.test(path)
    ? 'is a web page'
    : undefined;
}
