// How fast an answer was, in one line.
import type { Usage } from '@lamina/client';

/** The times of an answer, in milliseconds of `performance.now()`, and its token counts. */
export interface Speeds {
  readonly startedAt: number;
  /** When the first text or reasoning arrived; `undefined`: none did. */
  readonly firstAt: number | undefined;
  readonly endedAt: number;
  /** `undefined` for an answer that is not complete, and when the engine does not count. */
  readonly usage: Usage | undefined;
}

/** `118 tokens · 31.2 tok/s · first after 0.4 s · prompt 412 tokens`; what is not known is left out. */
export function speedsText({ startedAt, firstAt, endedAt, usage }: Speeds): string {
  const { completion_tokens: tokens, prompt_tokens: prompt } = usage ?? {};
  const seconds = (endedAt - (firstAt ?? endedAt)) / 1_000;
  return [
    tokens === undefined ? [] : `${tokens} tokens`,
    // The time before the first token is not part of the speed, so the first token is not either.
    tokens === undefined || tokens < 2 || seconds <= 0 ? [] : `${((tokens - 1) / seconds).toFixed(1)} tok/s`,
    firstAt === undefined ? [] : `first after ${((firstAt - startedAt) / 1_000).toFixed(2)} s`,
    prompt === undefined ? [] : `prompt ${prompt} tokens`,
  ]
    .flat()
    .join(' · ');
}
