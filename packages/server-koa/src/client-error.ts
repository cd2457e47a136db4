// Responds in Lamina's error shape to what Node would refuse by itself, without a body or by closing the connection.
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { LaminaError } from '@lamina/core';
import { endConnection } from './end-connection.js';

/** Writes an error response on a connection that has no response object, and ends the connection. */
export function endWithError(
  socket: Duplex,
  error: LaminaError,
  { status = error.status, headers = {} }: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): void {
  const body = bodyOf(error);
  const isFinal = !error.retryable && status !== 408; // 408 is a request that may arrive in time when it is repeated.
  const retry = isFinal ? { 'x-should-retry': 'false' } : {};
  const lines = Object.entries({ ...headersFor(body), ...retry, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  endConnection(socket, [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'));
}

/** For the event `clientError`: bytes that are not HTTP, headers that are too large, a request that is too slow. */
export function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = clientErrors[error.code ?? ''] ?? [400, 'This is not a request in HTTP/1.1.'];
  endWithError(socket, new LaminaError('REQUEST_INVALID', { message }), { status });
}

const clientErrors: Readonly<Record<string, [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

/** For the event `connect`: this server is not a proxy. */
export function refuseConnect({ url = '' }: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => undefined); // The client has disconnected.
  const allowed = ['GET', 'HEAD', 'POST', 'DELETE'];
  const error = new LaminaError('METHOD_NOT_ALLOWED', { method: 'CONNECT', path: url, allowed });
  endWithError(socket, error, { headers: { Allow: allowed.join(', ') } });
}

/** For the event `wsClientError` of ws: an invalid handshake, to which ws would respond in plain text. */
export function refuseHandshake(cause: Error, socket: Duplex): void {
  const message = `The WebSocket handshake is invalid: ${cause.message}.`;
  const error = new LaminaError('REQUEST_INVALID', { message });
  endWithError(socket, error, { headers: { 'Sec-WebSocket-Version': '13' } });
}

/** For the event `checkExpectation`: HTTP defines only the expectation `100-continue` (RFC 9110, 10.1.1). */
export function refuseExpectation({ headers }: IncomingMessage, response: ServerResponse): void {
  const message = `The header "Expect: ${headers.expect}" is not supported. Send the request without it.`;
  const body = bodyOf(new LaminaError('REQUEST_INVALID', { message }));
  response.writeHead(417, { ...headersFor(body), 'x-should-retry': 'false' }).end(body);
}

function bodyOf(error: LaminaError): string {
  return JSON.stringify({ error: error.toWire() });
}

function headersFor(body: string): Record<string, string> {
  return {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
}
