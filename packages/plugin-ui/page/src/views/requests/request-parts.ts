// What the time of a request went into.
import type { RequestEntry } from './request-list.js';

/** A part of the time of a request. */
export interface RequestPart {
  readonly kind: 'queue' | 'load' | 'first' | 'answer';
  readonly label: string;
  readonly ms: number;
  /** Its part of the whole, 0 to 1. */
  readonly ratio: number;
}

/**
 * The parts, in their order; none of a request that runs. The first token of an answer that is not streamed is not known:
 * all of it comes at once.
 */
export function partsOf({ ms, queue_ms = 0, load_ms = 0, ttft_ms, stream }: RequestEntry): readonly RequestPart[] {
  if (ms === undefined) return [];
  const waited = queue_ms + load_ms;
  const firstAt = stream && ttft_ms !== undefined ? Math.max(waited, ttft_ms) : undefined;
  const parts = [
    { kind: 'queue', label: 'Queue', ms: queue_ms },
    { kind: 'load', label: 'Load', ms: load_ms },
    ...(firstAt === undefined ? [] : [{ kind: 'first', label: 'First token', ms: firstAt - waited } as const]),
    { kind: 'answer', label: ttft_ms === undefined ? 'Until it ended' : 'Answer', ms: ms - (firstAt ?? waited) },
  ] as const;
  return parts.map((part) => ({ ...part, ms: Math.max(0, part.ms), ratio: ms === 0 ? 0 : Math.max(0, part.ms) / ms }));
}
