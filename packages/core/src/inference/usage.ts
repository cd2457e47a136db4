// Reads the token counts at the end of an answer, without parsing the answer.
import type { JsonObject } from '../contract/schema.js';
import { parseJson } from '../kernel/json.js';

const marker = '"usage":{';

/** The last `usage` object in the last chunks of an answer; `undefined` when there is none, or it spans two chunks. */
export function usageIn(tail: readonly Buffer[]): JsonObject | undefined {
  for (const chunk of tail.toReversed()) {
    const start = chunk.lastIndexOf(marker);
    if (start >= 0) return objectAt(chunk.toString('latin1', start + marker.length - 1, start + 2048));
  }
  return undefined;
}

// Counting braces finds the end, since `usage` has no strings with braces.
function objectAt(text: string): JsonObject | undefined {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '{') depth++;
    else if (text[index] === '}' && --depth === 0) return parseJson(text.slice(0, index + 1)) as JsonObject | undefined;
  }
  return undefined;
}
