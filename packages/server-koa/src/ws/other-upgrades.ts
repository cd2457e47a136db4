// What asks for an upgrade and is not for us. Who listens for upgrades must answer all of them: Node leaves them to the
// listeners.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { LaminaError } from '@lamina/core';
import { responseOn } from './handshake.js';

/**
 * A WebSocket elsewhere is answered with 404. Another protocol is left aside, as HTTP allows, and the request answered
 * as any other: clients such as Java's offer HTTP/2 that way with each first request.
 */
export function answerOther(http: Server, request: IncomingMessage, socket: Duplex, head: Buffer, path: string): void {
  if (isWebSocket(request)) refuse(request, socket, path);
  else putBack(http, request, socket, head);
}

/** True when it is a WebSocket that is asked for. */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

function refuse(request: IncomingMessage, socket: Duplex, path: string): void {
  const error = new LaminaError('ROUTE_NOT_FOUND', {
    method: 'GET',
    path: request.url ?? '',
    hint: `The WebSocket is at ${path}.`,
  });
  responseOn(socket, request)
    .writeHead(404, { 'Content-Type': 'application/json; charset=utf-8' })
    .end(JSON.stringify({ error: error.toWire() }));
}

// Node has read the head of the request and given up the rest; both are read anew, without the offer.
function putBack(http: Server, { method, url, rawHeaders }: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!];
    if (!/^(upgrade|http2-settings)$/i.test(name))
      lines.push(`${name}: ${/^connection$/i.test(name) ? withoutUpgrade(value) : value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  http.emit('connection', socket);
}

function withoutUpgrade(connection: string): string {
  return (
    connection
      .split(',')
      .map((name) => name.trim())
      .filter((name) => !/^(upgrade|http2-settings)$/i.test(name))
      .join(', ') || 'keep-alive'
  );
}
