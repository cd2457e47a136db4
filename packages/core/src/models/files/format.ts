// What the name of a file says of its format.
import { extname } from 'node:path';

/** The format a file name tells, if it tells one. */
export function formatOfName(path: string): string | undefined {
  return { '.gguf': 'gguf', '.safetensors': 'safetensors' }[extname(path).toLowerCase()];
}
