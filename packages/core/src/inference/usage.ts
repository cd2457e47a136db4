// Reads the token counts and the finish reason at the end of an answer, without parsing the answer.
import type { JsonObject } from '../contract/schema.js';
import { isMapping, parseJson } from '../kernel/json.js';

/** Token counts by the names of the event `request.finished`. */
export interface TokenCounts {
  readonly prompt_tokens?: number;
  readonly cached_tokens?: number;
  readonly completion_tokens?: number;
}

const usageMarker = '"usage":{';
const reasonMarkers = ['"finish_reason":"', '"stop_reason":"'];

/** How much of the end of a stream is parsed: its last event or two, in bytes and in lines. */
const maxEndLength = 64 * 1024;
const maxEndLines = 8;

/** The last `usage` object in the last chunks of an answer; `undefined` when there is none, or it spans two chunks. */
export function usageIn(tail: readonly Buffer[]): JsonObject | undefined {
  const after = textAfter(tail, usageMarker, 2048);
  return after === undefined ? undefined : objectAt(`{${after}`);
}

/** The first `usage` object in a chunk: Anthropic's streams begin with the tokens of the prompt. */
export function firstUsageIn(chunk: Buffer): JsonObject | undefined {
  const start = chunk.indexOf(usageMarker);
  return start < 0 ? undefined : objectAt(chunk.toString('latin1', start + usageMarker.length - 1, start + 2048));
}

/** The JSON objects in the last events of a stream, the last one first. */
export function* lastChunksIn(tail: readonly Buffer[]): Generator<JsonObject> {
  const lines = Buffer.concat(tail).subarray(-maxEndLength).toString().split('\n').toReversed();
  for (const line of lines.slice(0, maxEndLines)) {
    const json = line.startsWith('data: {') ? parseJson(line.slice(6)) : undefined;
    if (isMapping(json)) yield json as JsonObject;
  }
}

/** The last finish reason, or Anthropic's stop reason, in the last chunks of an answer. */
export function finishReasonIn(tail: readonly Buffer[]): string | undefined {
  for (const marker of reasonMarkers) {
    const reason = /^[\w-]+(?=")/.exec(textAfter(tail, marker, 100) ?? '');
    if (reason !== null) return reason[0];
  }
  return undefined;
}

/** Token counts by the names of OpenAI's and Anthropic's API. Only numbers: the engine decides what `usage` contains. */
export function tokensIn(usage: JsonObject = {}): TokenCounts {
  const details = usage['prompt_tokens_details'] ?? usage['input_tokens_details'];
  const prompt = numberIn(usage, 'prompt_tokens', 'input_tokens');
  const cached = isMapping(details) ? numberIn(details, 'cached_tokens') : numberIn(usage, 'cache_read_input_tokens');
  const completion = numberIn(usage, 'completion_tokens', 'output_tokens');
  return {
    ...(prompt === undefined ? {} : { prompt_tokens: prompt }),
    ...(cached === undefined ? {} : { cached_tokens: cached }),
    ...(completion === undefined ? {} : { completion_tokens: completion }),
  };
}

function numberIn(values: Readonly<Record<string, unknown>>, ...names: string[]): number | undefined {
  return names.map((name) => values[name]).find((value) => typeof value === 'number');
}

function textAfter(tail: readonly Buffer[], marker: string, length: number): string | undefined {
  for (const chunk of tail.toReversed()) {
    const start = chunk.lastIndexOf(marker);
    if (start >= 0) return chunk.toString('latin1', start + marker.length, start + length);
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
