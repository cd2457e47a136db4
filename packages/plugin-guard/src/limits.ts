// Rate limits: each key has a token bucket for each of its limits.
import { LaminaError, type InferenceRequest, type PluginContext } from '@lamina/core/plugin';
import type { Limits } from './options.js';
import { charactersIn } from './texts.js';

/** The time in which an empty bucket becomes full, in milliseconds. */
const periods: Readonly<Record<string, number>> = {
  requests_per_minute: 60_000,
  tokens_per_minute: 60_000,
  tokens_per_day: 86_400_000,
};

/** `left` is what was left at the time `at`. It is negative after a request that used more than there was. */
interface Bucket {
  readonly limit: string;
  readonly size: number;
  left: number;
  at: number;
}

/** How many keys are remembered, those seen last: a host may name as many callers as it has users. */
const maxKeys = 10_000;

/** An estimate for prompts that the engine did not count. */
const charactersPerToken = 4;

/** Refuses requests of keys that have reached a limit. Requests that this process makes are not limited. */
export function limitRates(lamina: PluginContext, limits: Limits): void {
  const keys = new Map<string, Bucket[]>();

  /** The buckets of a key, filled up to now. Callers without a name share those of the name ''. */
  function bucketsOf(name = ''): Bucket[] {
    const at = lamina.clock.now();
    const own = Object.entries((Object.hasOwn(limits, name) ? limits[name] : limits['default']) ?? {});
    const buckets = keys.get(name) ?? own.map(([limit, size]) => ({ limit, size, left: size, at }));
    keys.delete(name);
    keys.set(name, buckets); // The first key of the map is the one seen longest ago.
    if (keys.size > maxKeys) keys.delete(keys.keys().next().value!);
    for (const bucket of buckets) {
      const { limit, size, left } = bucket;
      bucket.left = Math.min(size, left + ((at - bucket.at) / periods[limit]!) * size);
      bucket.at = at;
    }
    return buckets;
  }

  lamina.hooks.beforeRequest.tap(
    ({ caller: { name, via } }) => {
      if (via === 'process') return undefined;
      const buckets = bucketsOf(name);
      const waits = buckets.map(({ limit, size, left }) => ({
        limit,
        size,
        ms: ((1 - left) / size) * periods[limit]!,
      }));
      const { limit, size, ms } = waits.toSorted((a, b) => b.ms - a.ms)[0] ?? { ms: 0 };
      if (ms >= 1) {
        const retry_after = Math.ceil(ms / 1000);
        lamina.emit('guard.limited', { key: name, limit, retry_after });
        const who = name === undefined ? 'Callers without a named key' : `The key "${name}"`;
        const message = `${who} reached the limit of ${size} ${limit!.replaceAll('_', ' ')}. Retry in ${retry_after} s.`;
        throw new LaminaError('RATE_LIMITED', { message, limit, retry_after });
      }
      for (const bucket of buckets) if (bucket.limit === 'requests_per_minute') bucket.left -= 1;
      return undefined;
    },
    { stage: -100 }, // Before other plugins work for a request that is refused.
  );

  if (!Object.values(limits).some((each) => each.tokens_per_minute ?? each.tokens_per_day)) return;
  // Of an answer that was cut off there may be no token counts. It is not free: a chunk counts as a token.
  const answers = new Map<string, { readonly request: InferenceRequest; chunks: number }>();
  lamina.hooks.transformResponse.tap((response, request) => {
    const answer = { request, chunks: 0 };
    answers.set(request.id, answer);
    response.chunks({ each: (chunk) => ((answer.chunks += 1), chunk) });
  });
  lamina.events.on('request.finished', ({ request: id, via, key, prompt_tokens, completion_tokens, cut = false }) => {
    const { request, chunks = 0 } = answers.get(id) ?? {};
    answers.delete(id);
    if (via === 'process') return;
    const prompt = prompt_tokens ?? Math.ceil(charactersIn(request?.json ?? {}) / charactersPerToken);
    const completion = cut ? Math.max(completion_tokens ?? 0, chunks) : (completion_tokens ?? chunks);
    for (const bucket of bucketsOf(key)) if (bucket.limit !== 'requests_per_minute') bucket.left -= prompt + completion;
  });
}
