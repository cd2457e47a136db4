// Which headers pass from a client to an engine and back.
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHeaders } from '../contract/inference-request.js';

// For one connection only (RFC 9110, 7.6.1).
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

// Also removed: keys and cookies, which are for Lamina and not for engines; the origin, which Lamina has checked;
// compression, which costs time on one machine and makes an engine's error unreadable. The headers of browsers (sec-…)
// and the pseudo-headers of HTTP/2 (:…) are removed as well.
const hiddenFromEngines = new Set([
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

// Also removed: what identifies the engine, its address, or the web pages it allows.
const hiddenFromClients = new Set([
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
export function requestHeaders(headers: RequestHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  const named = namedByConnection(headers['connection']);
  for (const name in headers) {
    const value = headers[name];
    if (
      typeof value === 'string' &&
      !hiddenFromEngines.has(name) &&
      named?.includes(name) !== true &&
      !/^(sec-|:)/.test(name)
    )
      kept[name] = value;
  }
  return kept;
}

/** The headers for an engine, names and values in turns: the client's, the body's content type, the endpoint's own. */
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

/** Proxies such as nginx buffer an answer unless these headers mark it as a stream. */
const streamHeaders = { 'cache-control': 'no-cache', 'x-accel-buffering': 'no' };

/** True for a stream of server-sent events. */
export function isEventStream(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.toLowerCase().startsWith('text/event-stream') === true;
}

/** The headers of an engine's answer that a client may see, names and values in turns, with the request's id. */
export function answerHeaders(headers: IncomingHttpHeaders, requestId: string): string[] {
  const kept = ['x-request-id', requestId];
  const named = namedByConnection(headers['connection']);
  const given = isEventStream(headers) ? { ...headers, ...streamHeaders } : headers;
  for (const name in given) {
    if (hiddenFromClients.has(name) || named?.includes(name) === true || name.startsWith('access-control-')) continue;
    const value = given[name];
    if (typeof value === 'string') kept.push(name, value);
    else for (const one of value ?? []) kept.push(name, one);
  }
  return kept;
}

function namedByConnection(connection: RequestHeaders[string]): string[] | undefined {
  if (typeof connection !== 'string' || /^(keep-alive|close)$/i.test(connection)) return undefined;
  return connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
}
