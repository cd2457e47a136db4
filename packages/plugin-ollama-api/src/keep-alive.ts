// `keep_alive`: how long a model stays loaded after a request.
import { invalid } from './errors.js';

/** Go's units of durations, in milliseconds. */
const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g;
const duration = new RegExp(`^([+-]?)((?:${part.source})+)$`);

/**
 * Milliseconds, `Infinity` for ever; `undefined` for the limit of the model.
 * @throws LaminaError `REQUEST_INVALID`
 */
export function keepAliveOf(value: string | number | null | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = typeof value === 'number' ? value * 1_000 : durationOf(value);
  if (ms === undefined)
    throw invalid(
      `keep_alive ${JSON.stringify(value)} is not a duration. Send seconds as a number, or a text such as "5m", "1h30m" or "-1s" (for ever).`,
    );
  return ms < 0 ? Infinity : ms;
}

function durationOf(text: string): number | undefined {
  if (text === '0') return 0;
  const [, sign, parts] = duration.exec(text) ?? [];
  if (parts === undefined) return undefined;
  const ms = [...parts.matchAll(part)].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0);
  return sign === '-' ? -ms : ms;
}
