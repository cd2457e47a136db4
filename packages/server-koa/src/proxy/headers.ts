// Which headers pass from a client to an engine and back.
import type { IncomingHttpHeaders } from 'node:http';

// Between two neighbours only (RFC 9110, 7.6.1), or said anew for each connection.
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

// Beside those: keys and cookies are for Lamina, not for engines; the origin is checked here; on one machine
// compression only costs, and an engine's error must be readable. Left out as well: what browsers say of themselves
// (sec-…) and the fields of HTTP/2 (:…).
const keptFromEngines = new Set([
  ...hopByHop,
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'cookie',
  'host',
  'origin',
  'referer',
  'content-length',
  'content-encoding',
  'expect',
  'accept-encoding',
]);

// Beside those: what says who the engine is, where it is, or which web pages it would let in.
const keptFromClients = new Set([
  ...hopByHop,
  'server',
  'x-powered-by',
  'date',
  'set-cookie',
  'location',
  'www-authenticate',
  'alt-svc',
  'strict-transport-security',
  'vary',
  'x-request-id',
]);

/** The headers of a client that plugins and engines may see, in lower case. */
export function requestHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    const value = headers[name];
    if (
      typeof value === 'string' &&
      !keptFromEngines.has(name) &&
      named?.includes(name) !== true &&
      !/^(sec-|:)/.test(name)
    )
      kept[name] = value;
  }
  return kept;
}

/**
 * What an engine is sent, as name and value in turns: the client's headers, the type of the body as it is now, the
 * endpoint's own.
 */
export function engineHeaders(
  client: Readonly<Record<string, string>>,
  contentType: string | undefined,
  own: Readonly<Record<string, string>> = {},
): string[] {
  const sent: string[] = contentType === undefined ? [] : ['content-type', contentType];
  for (const name in client) if (name !== 'content-type' && !Object.hasOwn(own, name)) sent.push(name, client[name]!);
  for (const name in own) sent.push(name, own[name]!);
  return sent;
}

/** Proxies such as nginx collect an answer until their buffers are full, unless they are told that it is a stream. */
const streamHeaders = { 'cache-control': 'no-cache', 'x-accel-buffering': 'no' };

/** True for a stream of server-sent events. */
export function isEventStream(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.toLowerCase().startsWith('text/event-stream') === true;
}

/** The headers of an engine's answer that a client sees, as name and value in turns, with the request's id. */
export function answerHeaders(headers: IncomingHttpHeaders, requestId: string): string[] {
  const kept = ['x-request-id', requestId];
  const named = namedByConnection(headers.connection);
  const given = isEventStream(headers) ? { ...headers, ...streamHeaders } : headers;
  for (const name in given) {
    if (keptFromClients.has(name) || named?.includes(name) === true || name.startsWith('access-control-')) continue;
    const value = given[name];
    if (typeof value === 'string') kept.push(name, value);
    else for (const one of value ?? []) kept.push(name, one);
  }
  return kept;
}

function namedByConnection(connection: string | undefined): string[] | undefined {
  if (connection === undefined || /^(keep-alive|close)$/i.test(connection)) return undefined;
  return connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
}
