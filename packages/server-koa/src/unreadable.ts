// Answers what is not HTTP, or too much of it, in the one error shape.
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { LaminaError } from '@lamina/core';
import { endConnection } from './end-connection.js';

/** For `clientError` of Node's server, which has no request to answer: only a socket. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = verdict(error.code);
  const body = JSON.stringify({ error: new LaminaError('REQUEST_INVALID', { message }).toWire() });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  endConnection(socket, `${head.join('\r\n')}\r\n\r\n${body}`);
}

function verdict(code: string | undefined): [number, string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'The headers of the request are too large.'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'The request did not arrive in time.'];
  return [400, 'This is not a request in HTTP/1.1.'];
}
