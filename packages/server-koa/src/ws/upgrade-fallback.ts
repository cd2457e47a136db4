// Answers upgrade requests that are not for Lamina's WebSocket: Node leaves all of them to the listeners of `upgrade`.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { LaminaError } from '@lamina/core';
import { endWithError } from '../client-error.js';

/** True for a request to open a WebSocket. */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Responds 404 to a WebSocket on another path. An upgrade to another protocol is ignored, as HTTP allows, and the request
 * served: clients such as Java's offer HTTP/2 with their first request.
 */
export function answerUpgrade(
  http: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  path: string,
): void {
  if (!isWebSocket(request)) return serveWithoutUpgrade(http, request, socket, head);
  const hint = `The WebSocket is at ${path}.`;
  const error = new LaminaError('ROUTE_NOT_FOUND', { method: 'GET', path: request.url ?? '', hint });
  endWithError(socket, error);
}

// Node has parsed the head of the request and stopped there. The server reads it again, without the upgrade.
function serveWithoutUpgrade(
  http: Server,
  { method, url, rawHeaders }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!];
    if (!upgradeHeaders.test(name))
      lines.push(`${name}: ${/^connection$/i.test(name) ? withoutUpgrade(value) : value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  http.emit('connection', socket);
}

const upgradeHeaders = /^(upgrade|http2-settings)$/i;

function withoutUpgrade(connection: string): string {
  const names = connection.split(',').map((name) => name.trim());
  return names.filter((name) => !upgradeHeaders.test(name)).join(', ') || 'keep-alive';
}
