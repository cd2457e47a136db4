// From an HTTP request to a WebSocket: the same checks as every request, and the subprotocol.
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { LaminaError, type Lamina } from '@lamina/core';
import { subprotocol } from '@lamina/core/protocol';
import Koa, { type Context } from 'koa';
import { logAnswerFailures } from '../middleware/answer-failures.js';
import { requireKey, scopesOf, type Scopes } from '../middleware/authentication.js';
import { endConnection } from '../end-connection.js';
import type { RouterOptions } from '../options.js';
import { checks } from '../router.js';

/** What has been asked for and may be had. */
export interface Accepted {
  readonly request: IncomingMessage;
  readonly scopes: Scopes;
}

const keyPrefix = 'lamina.key.';

/**
 * Answers a request that wants a WebSocket: `accept` takes the connection over, a refusal is an answer of HTTP in the
 * one error shape.
 */
export function handshake(
  lamina: Lamina,
  options: RouterOptions,
  accept: (accepted: Accepted) => void,
): (request: IncomingMessage, socket: Duplex) => void {
  const app = new Koa();
  for (const middleware of checks(lamina, options)) app.use(middleware);
  app.use((ctx) => {
    requireKey(ctx);
    checkProtocol(ctx);
    if (lamina.closing.aborted) throw new LaminaError('SHUTTING_DOWN', {});
    ctx.status = 101;
    ctx.respond = false;
    ctx.res.detachSocket(ctx.req.socket);
    accept({ request: ctx.req, scopes: scopesOf(ctx) });
  });
  app.on('error', logAnswerFailures(lamina.log));
  const handle = app.callback();
  return (request, socket) => {
    takeKey(request);
    void handle(request, responseOn(socket, request));
  };
}

/** A response on a connection that Node has let go of; the connection ends with it. */
export function responseOn(socket: Duplex, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(request.socket);
  response.on('error', () => undefined); // A client that has gone: its socket says so.
  response.once('finish', () => endConnection(socket));
  return response;
}

/** The subprotocols that a client offers. */
function offered({ headers }: IncomingMessage): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

function checkProtocol({ req }: Context): void {
  if (req.method !== 'GET') throw new LaminaError('REQUEST_INVALID', { message: 'A WebSocket is asked for with GET.' });
  if (!offered(req).includes(subprotocol))
    throw new LaminaError('REQUEST_INVALID', {
      message: `Ask for the subprotocol "${subprotocol}": new WebSocket(url, '${subprotocol}').`,
    });
}

// A browser cannot set headers on a WebSocket. The subprotocol is the one thing that it can say and that, unlike an
// address, ends up in no log and no history.
function takeKey(request: IncomingMessage): void {
  const key = offered(request).find((name) => name.startsWith(keyPrefix));
  if (key === undefined || request.headers.authorization !== undefined) return;
  request.headers.authorization = `Bearer ${Buffer.from(key.slice(keyPrefix.length), 'base64url').toString()}`;
}
