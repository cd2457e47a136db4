// Answers in the one error shape what Node would refuse by itself, without a body or by closing the connection.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { LaminaError } from '@lamina/core';
import { responseOn } from './ws/handshake.js';

/** For `checkExpectation`: the only expectation that HTTP defines is `100-continue` (RFC 9110, 10.1.1). */
export function refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
  const message = `This server cannot do what "Expect: ${request.headers.expect}" asks for; leave that header out.`;
  send(response, 417, new LaminaError('REQUEST_INVALID', { message }));
}

/** For `connect`: this server is no proxy. */
export function refuseConnect(request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => undefined); // The client has left, and nobody is to be told.
  const allowed = ['GET', 'HEAD', 'POST', 'DELETE'];
  const error = new LaminaError('METHOD_NOT_ALLOWED', { method: 'CONNECT', path: request.url ?? '', allowed });
  send(responseOn(socket, request).setHeader('Allow', allowed.join(', ')), error.status, error);
}

/** For `wsClientError` of ws: a handshake that is not one. Its own answer would be plain text. */
export function refuseHandshake(cause: Error, socket: Duplex, request: IncomingMessage): void {
  const message = `This is not the handshake of a WebSocket: ${cause.message}.`;
  const error = new LaminaError('REQUEST_INVALID', { message });
  send(responseOn(socket, request).setHeader('Sec-WebSocket-Version', '13'), error.status, error);
}

function send(response: ServerResponse, status: number, error: LaminaError): void {
  const body = JSON.stringify({ error: error.toWire() });
  const type = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(status, { ...type, Connection: 'close' });
  response.end(body);
}
