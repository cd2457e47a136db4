// When to try again: what the server asks for, else a pause that grows and is never the same for two.
const longestFactor = 30;
const longestAskedMs = 3_600_000;

/** The pause after so many failures in a row, in milliseconds: doubled each time, between half and all of it. */
export function backoffMs(failures: number, firstMs: number, random: () => number = Math.random): number {
  return Math.min(firstMs * 2 ** (failures - 1), firstMs * longestFactor) * (0.5 + random() / 2);
}

/**
 * What `Retry-After` (seconds or a date) and `RateLimit` (`"api";r=0;t=55`) ask for, in milliseconds; at most an hour.
 */
export function askedPauseMs(headers: Readonly<Record<string, string | undefined>>, now: number): number | undefined {
  const after = headers['retry-after'];
  const seconds =
    after === undefined ? NaN : /^\d+$/.test(after.trim()) ? Number(after) : (Date.parse(after) - now) / 1000;
  const [, remaining, reset] = /;\s*r=(\d+);\s*t=(\d+)/.exec(headers['ratelimit'] ?? '') ?? [];
  const asked = [seconds, remaining === '0' ? Number(reset) + 1 : NaN].filter((value) => value >= 0);
  return asked.length === 0 ? undefined : Math.min(Math.max(...asked) * 1000, longestAskedMs);
}
