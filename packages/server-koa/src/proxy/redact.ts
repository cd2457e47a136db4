// Takes keys and addresses out of what an engine says: they are for Lamina alone.
import type { Endpoint, WireError } from '@lamina/core';

const placeholder = '[redacted]';

/** A shorter value of a header is no secret, and may be any word of a sentence. */
const shortestSecret = 8;

/** The error without the keys that the endpoint is sent, and without its address, wherever they stand in it. */
export function redactError(error: WireError, endpoint: Endpoint): WireError {
  return redactIn(error, patternFor(endpoint)) as WireError;
}

/** As {@link redactError}, for a text. */
export function redactText(text: string, endpoint: Endpoint): string {
  return text.replace(patternFor(endpoint), placeholder);
}

function redactIn(value: unknown, pattern: RegExp): unknown {
  if (typeof value === 'string') return value.replace(pattern, placeholder);
  if (Array.isArray(value)) return value.map((item) => redactIn(item, pattern));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redactIn(item, pattern)]));
}

function patternFor({ baseUrl, headers = {}, socketPath }: Endpoint): RegExp {
  const { host, hostname, origin, port } = new URL(baseUrl);
  const secrets = Object.values(headers)
    .flatMap((value) => [value, value.replace(/^\w+ /, '')])
    .filter((value) => value.length >= shortestSecret);
  // A name of one word, as in a container network, is the address only with its port: alone it may be any word.
  const addresses = [baseUrl, origin, host, /[.:]/.test(hostname) ? hostname : [], socketPath ?? []].flat();
  const literal = [...secrets, ...addresses].sort((a, b) => b.length - a.length).map(escape);
  // What the host name stood for when it was connected to, or what the engine calls itself.
  const anyHost = String.raw`(?:localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\]|::[\da-f:.]*?)`;
  const byPort = port === '' ? [] : [`${anyHost}:${port}(?!\\d)`];
  return new RegExp([...literal, ...byPort].join('|'), 'gi');
}

// RegExp.escape is not in Node 20.
function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
