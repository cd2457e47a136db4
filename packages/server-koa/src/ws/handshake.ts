// The way from an HTTP request to a WebSocket: the same checks as for every request, and the subprotocol.
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { LaminaError, type Lamina } from '@lamina/core';
import { subprotocol, type WireError } from '@lamina/core/protocol';
import Koa, { type Context, type Middleware } from 'koa';
import { endConnection } from '../end-connection.js';
import { callerOf, keyDigest, requireKey, type NetworkCaller } from '../middleware/authentication.js';
import { logResponseErrors } from '../middleware/response-errors.js';
import type { RouterOptions } from '../options.js';
import { checks } from '../router.js';

/** A handshake that passed the checks. */
export interface AcceptedHandshake {
  readonly request: IncomingMessage;
  readonly caller: NetworkCaller;
  /** Identifies the key that was sent. */
  readonly owner: string;
}

/** A handshake of a client without a valid key, or of a web page that is not allowed. */
export interface RefusedHandshake {
  readonly request: IncomingMessage;
  /** The code to close with: 4401 or 4403. */
  readonly code: number;
  readonly reason: string;
}

/** What to do with handshakes. */
export interface HandshakeOutcomes {
  accept(handshake: AcceptedHandshake): void;
  refuse(handshake: RefusedHandshake): void;
}

const keyPrefix = 'lamina.key.';

/** HTTP status → the code that a WebSocket is closed with instead. Codes from 4000 on are for applications. */
const closeCodes: Readonly<Record<number, number>> = { 401: 4401, 403: 4403 };

/**
 * Checks requests for a WebSocket. `accept` gets those that pass, `refuse` those that lack a right: a browser tells its
 * page nothing about a refusal in HTTP. All others are answered in HTTP, in Lamina's error shape.
 */
export function handshakeHandler(
  lamina: Lamina,
  options: RouterOptions,
  { accept, refuse }: HandshakeOutcomes,
): (request: IncomingMessage, socket: Duplex) => void {
  const app = new Koa();
  app.use(closeInsteadOfRefusing(refuse));
  for (const middleware of checks(lamina, options, 'websocket')) app.use(middleware);
  app.use((ctx) => {
    requireKey(ctx);
    checkSubprotocol(ctx);
    if (lamina.closing.aborted) throw new LaminaError('SHUTTING_DOWN', {});
    ctx.status = 101;
    detach(ctx);
    accept({ request: ctx.req, caller: callerOf(ctx), owner: keyDigest(ctx.req) });
  });
  app.on('error', logResponseErrors(lamina.log));
  const handle = app.callback();
  return (request, socket) => {
    moveKeyToHeader(request);
    void handle(request, responseOn(socket, request));
  };
}

function closeInsteadOfRefusing(refuse: HandshakeOutcomes['refuse']): Middleware {
  return async (ctx, next) => {
    await next();
    const code = closeCodes[ctx.status];
    // A browser only accepts a subprotocol that it has offered.
    if (code === undefined || !offeredSubprotocols(ctx.req).includes(subprotocol)) return;
    const { error } = ctx.body as { error: WireError };
    detach(ctx);
    refuse({ request: ctx.req, code, reason: error.message });
  };
}

function detach(ctx: Context): void {
  ctx.respond = false;
  ctx.res.detachSocket(ctx.req.socket);
}

/** A response on a connection that Node has detached from its HTTP server. The connection ends with the response. */
function responseOn(socket: Duplex, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(request.socket);
  response.on('error', () => undefined); // The client has disconnected.
  response.once('finish', () => endConnection(socket));
  return response;
}

function offeredSubprotocols({ headers }: IncomingMessage): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

function checkSubprotocol({ req }: Context): void {
  if (req.method !== 'GET') throw new LaminaError('REQUEST_INVALID', { message: 'Open a WebSocket with GET.' });
  if (!offeredSubprotocols(req).includes(subprotocol))
    throw new LaminaError('REQUEST_INVALID', {
      message: `Request the subprotocol "${subprotocol}": new WebSocket(url, '${subprotocol}').`,
    });
}

// A browser cannot set headers on a WebSocket. A subprotocol, unlike a URL, ends up in no log and no history.
function moveKeyToHeader(request: IncomingMessage): void {
  const key = offeredSubprotocols(request).find((name) => name.startsWith(keyPrefix));
  if (key === undefined || request.headers.authorization !== undefined) return;
  request.headers.authorization = `Bearer ${Buffer.from(key.slice(keyPrefix.length), 'base64url').toString()}`;
}
