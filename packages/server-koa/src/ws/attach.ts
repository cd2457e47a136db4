// Serves Lamina's WebSocket on an HTTP server.
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { LaminaError, type Lamina } from '@lamina/core';
import { subprotocol } from '@lamina/core/protocol';
import { WebSocketServer, type WebSocket } from 'ws';
import { refuseHandshake } from '../client-error.js';
import { readHttpExtensions } from '../extensions/read.js';
import { addressGuardFor } from '../middleware/address-guard.js';
import { defaultHeartbeat, type WebSocketOptions } from '../options.js';
import { bodyLimits, type BodyLimits } from '../request/body.js';
import { Chats } from './chats/chats.js';
import { WebSocketConnection } from './connection.js';
import { extensionFrames } from './frames/extensions.js';
import { frameTable } from './frames/table.js';
import { handshakeHandler, type AcceptedHandshake } from './handshake.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';
import { Tasks } from './tasks.js';
import { answerUpgrade, isWebSocket } from './upgrade-fallback.js';

/** Lamina's WebSocket on an HTTP server. */
export interface WebSocketHandle {
  /**
   * Accepts no new connection and closes each existing one with code 1001 when its last chat has ended; chats that have
   * lost their connection end at once. Resolves when all are closed. Aborting the signal ends all chats at once. When the
   * Lamina closes, its connections close the same way.
   */
  close(options?: { signal?: AbortSignal }): Promise<void>;
}

/** How long a client may take to confirm that the connection is closed, in milliseconds. */
const closeTimeout = 2000;

/** The most bytes of a message of a refused client; nobody reads it. */
const refusedPayload = 1024;

/** The longest reason of a close in bytes (RFC 6455, 5.5). */
const maxReason = 123;

const defaultChatLimit = 100;

/** Long enough for a telephone that changes its network, in seconds. */
const defaultResumeTimeout = 30;

/**
 * Serves WebSockets at `/ws`, subprotocol `lamina.v1`, with the same keys, origins and host names as `laminaRouter`: give
 * both the same options. A key is sent in the Authorization header or, by a browser, as a second subprotocol
 * `lamina.key.<key in base64url>`. A client without a valid key is accepted and closed with code 4401, a page whose origin
 * is not allowed with 4403: a browser tells a page nothing else. Requests on other paths are left to other listeners for
 * `upgrade`.
 */
export function attachWebSocket(http: Server, lamina: Lamina, options: WebSocketOptions = {}): WebSocketHandle {
  return attachWebSocketServer(http, lamina, bodyLimits(options), options);
}

/**
 * As {@link attachWebSocket}, with limits that are shared with other routes. `onUpgrade` gets the connections that become
 * WebSockets.
 */
export function attachWebSocketServer(
  http: Server,
  lamina: Lamina,
  body: BodyLimits,
  options: WebSocketOptions,
  onUpgrade?: (socket: Socket) => void,
): WebSocketHandle {
  const { path = '/ws', chatLimit = defaultChatLimit, heartbeatInterval = defaultHeartbeat } = options;
  const chats = new Chats(options.resumeTimeout ?? defaultResumeTimeout);
  const connections = new Map<WebSocketConnection, Promise<void>>();
  const closing = new AbortController();
  const { frames: contributed } = readHttpExtensions(lamina);
  const table = frameTable(chats, extensionFrames({ lamina, frames: contributed, closing: closing.signal }));
  const frames = { table, maxBytes: body.bytes };
  const webSockets = webSocketServer(2 * body.bytes);
  const refusedWebSockets = webSocketServer(refusedPayload);

  const open = (webSocket: WebSocket, { request, caller, owner }: AcceptedHandshake): void => {
    const { socket, headers } = request;
    const outbox = new Outbox(webSocket, socket);
    const inbox = new Inbox(webSocket, socket, body.memory);
    const tasks = new Tasks(outbox, chatLimit);
    const guard = addressGuardFor(request, caller);
    const peer = { lamina, caller, owner, headers, inbox, outbox, tasks, guard };
    const connection = new WebSocketConnection(webSocket, peer, frames);
    const closed = new Promise<void>((resolve) => webSocket.once('close', resolve));
    connections.set(connection, closed);
    void closed.then(() => connections.delete(connection));
  };
  const heads = new WeakMap<IncomingMessage, Buffer>();
  const handleHandshake = handshakeHandler(lamina, options, {
    accept(accepted) {
      const { request } = accepted;
      onUpgrade?.(request.socket);
      webSockets.handleUpgrade(request, request.socket, heads.get(request)!, (webSocket) => open(webSocket, accepted));
    },
    // Without `onUpgrade`: the connection counts as idle, so that at the limit a new one replaces it.
    refuse({ request, code, reason }) {
      refusedWebSockets.handleUpgrade(request, request.socket, heads.get(request)!, (webSocket) => {
        webSocket.on('error', (error) => lamina.log.debug({ err: error }, 'A refused client sent a large message'));
        webSocket.close(code, shortened(reason));
      });
    },
  });
  const handleUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', (error) => lamina.log.debug({ err: error }, 'The client disconnected'));
    if (!isWebSocket(request) || pathOf(request) !== path) {
      if (http.listenerCount('upgrade') === 1) answerUpgrade(http, request, socket, head, path);
      return;
    }
    heads.set(request, head);
    handleHandshake(request, socket);
  };
  const heartbeat = setInterval(
    () => connections.forEach((_, connection) => connection.checkAlive()),
    heartbeatInterval * 1000,
  ).unref();
  const closeGracefully = (): void => {
    closing.abort(new LaminaError('SHUTTING_DOWN', {}));
    connections.forEach((_, connection) => connection.closeGracefully());
    void chats.close();
  };
  http.on('upgrade', handleUpgrade);
  lamina.closing.addEventListener('abort', closeGracefully, { once: true });

  return {
    async close({ signal } = {}) {
      http.off('upgrade', handleUpgrade);
      lamina.closing.removeEventListener('abort', closeGracefully);
      const closeNow = (): void => connections.forEach((_, connection) => connection.closeNow());
      closeGracefully();
      signal?.addEventListener('abort', closeNow, { once: true });
      if (signal?.aborted === true) closeNow();
      await Promise.all(connections.values());
      await chats.close();
      signal?.removeEventListener('abort', closeNow);
      clearInterval(heartbeat);
    },
  };
}

function webSocketServer(maxPayload: number): WebSocketServer {
  // A variable, because the types of ws do not know `closeTimeout`.
  const options = {
    noServer: true,
    maxPayload,
    perMessageDeflate: false,
    closeTimeout,
    handleProtocols: () => subprotocol,
  };
  return new WebSocketServer(options).on('wsClientError', refuseHandshake);
}

/** The reason in the length that a close frame allows. */
function shortened(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= maxReason) return reason;
  // `stream` leaves out a character that is cut in two.
  return `${new TextDecoder().decode(bytes.subarray(0, maxReason - 3), { stream: true })}…`;
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
