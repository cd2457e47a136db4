// Reads what llama-server prints about its memory before it loads the model (`-lv 4`; common_memory_breakdown_print).
import type { PrintedMemory, PrintedPart } from '@lamina/core/plugin';

const mebibyte = 1024 * 1024;
const heading = /memory breakdown \[MiB\]/;
/** `|   - CUDA0 (…) | 24080 = 23000 + (600 = 100 + 400 + 100) + 451 |`, and of the host only what is in parentheses. */
const row = /\|\s+- (\S+).*\|.*?\d+ =\s+(\d+) \+\s+(\d+) \+\s+(\d+)/;

/** The table, once the line after it was printed; `undefined` before, and when there is none. */
export function parseBreakdown(lines: readonly string[]): PrintedMemory | undefined {
  const start = lines.findIndex((line) => heading.test(line));
  if (start === -1) return undefined;
  const rest = lines.slice(start + 1).map((line) => row.exec(line));
  const end = rest.findIndex((match) => match === null);
  if (end < 1) return undefined;
  let host: PrintedPart = { model: 0, context: 0, compute: 0 };
  let repackedBytes = 0;
  const devices: Record<string, PrintedPart> = {};
  for (const match of rest.slice(0, end)) {
    const [, name = '', model, context, compute] = match ?? [];
    const part = { model: bytesOf(model), context: bytesOf(context), compute: bytesOf(compute) };
    if (name === 'Host') host = part;
    else if (name.startsWith('CPU')) repackedBytes += part.model;
    else devices[name] = part;
  }
  return { host, devices, repackedBytes };
}

function bytesOf(mebibytes: string | undefined): number {
  return Number(mebibytes) * mebibyte;
}
