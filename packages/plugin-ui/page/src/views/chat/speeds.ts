// How fast an answer is, and how much of the context it uses.
import { counted, formatDuration, formatNumber, formatRatio, formatSpeed } from '../../format.js';
import type { Answer } from './conversation.js';

/** Fewer chunks say nothing about the speed. */
const minChunks = 5;

/** What is known of an answer at its end: `412 tokens`, `31 tok/s`, `first after 0.4 s`, `context 5 % of 8,192`. */
export function statsOf(answer: Answer): readonly string[] {
  const { usage, timings, startedAt, firstAt, contextLength } = answer;
  const known = usage?.completion_tokens ?? timings?.predicted_n;
  // Of an answer that was stopped, nobody tells the number; a chunk has about one token.
  const tokens = known ?? answer.chunks;
  const speed =
    timings?.predicted_per_second ?? measuredSpeed(answer, answer.state === 'interrupted' ? undefined : answer.endedAt);
  const used = usage?.prompt_tokens === undefined || known === undefined ? undefined : usage.prompt_tokens + known;
  return [
    tokens === 0 ? [] : counted(tokens, 'token'),
    speed === undefined ? [] : formatSpeed(speed),
    firstAt === undefined ? [] : `first after ${formatDuration(firstAt - startedAt)}`,
    // Of a prompt that was mostly cached, the speed says nothing.
    timings?.prompt_per_second === undefined || (timings.prompt_n ?? 0) < 32
      ? []
      : `prompt ${formatSpeed(timings.prompt_per_second)}`,
    used === undefined || !contextLength
      ? []
      : `context ${formatRatio(used / contextLength)} of ${formatNumber(contextLength)}`,
  ].flat();
}

/** What is known while it is received. */
export function liveStatsOf(answer: Answer, now: number): readonly string[] {
  const speed = measuredSpeed(answer, now);
  return [
    answer.chunks === 0 ? [] : counted(answer.chunks, 'token'),
    speed === undefined ? [] : formatSpeed(speed),
  ].flat();
}

/** Tokens per second. The time before the first token is not part of it, so the first token is not either. */
function measuredSpeed({ usage, chunks, firstAt }: Answer, until: number | undefined): number | undefined {
  const tokens = usage?.completion_tokens ?? chunks;
  if (firstAt === undefined || until === undefined || tokens < minChunks || until <= firstAt) return undefined;
  return (tokens - 1) / ((until - firstAt) / 1000);
}
