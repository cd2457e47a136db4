// Puts Lamina's WebSocket on an HTTP server.
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Lamina } from '@lamina/core';
import { subprotocol } from '@lamina/core/protocol';
import { WebSocketServer, type WebSocket } from 'ws';
import { guardOf } from '../middleware/address-guard.js';
import { defaultHeartbeat, type WebSocketOptions } from '../options.js';
import { bodyLimits } from '../proxy/body.js';
import type { Gateway } from '../proxy/forward.js';
import { requestHeaders } from '../proxy/headers.js';
import { Upstreams } from '../proxy/upstreams.js';
import { Connection } from './connection.js';
import { handshake, type Accepted } from './handshake.js';
import { answerOther, isWebSocket } from './other-upgrades.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';
import { refuseHandshake } from '../unsupported.js';

/** Lamina's WebSocket on somebody's HTTP server. */
export interface WebSocketDoor {
  /**
   * Takes no new connection and closes those there are with code 1001, each when its last chat has ended; resolves when
   * all are closed. Aborting the signal ends the chats at once. The same begins by itself when the Lamina closes.
   */
  close(options?: { signal?: AbortSignal }): Promise<void>;
}

/** How long a client may take to answer that the connection is closed, in milliseconds. */
const closeTimeout = 2000;

const defaultChatLimit = 100;

/**
 * Answers WebSockets at `/ws`, subprotocol `lamina.v1`, with the same keys, origins and host names as `laminaRouter`:
 * give both the same options. A key comes in the Authorization header or, from a browser, as a second subprotocol
 * `lamina.key.<key in base64url>`. Other listeners for `upgrade` on the server keep what is theirs.
 */
export function attachWebSocket(http: Server, lamina: Lamina, options: WebSocketOptions = {}): WebSocketDoor {
  const upstreams = new Upstreams();
  const door = openDoor(http, { lamina, upstreams, body: bodyLimits(options) }, options);
  return {
    close: async (closing) => {
      await door.close(closing);
      await upstreams.close();
    },
  };
}

/**
 * As {@link attachWebSocket}, with connections to engines that somebody else closes. `onUpgrade` is given the
 * connections that become WebSockets.
 */
export function openDoor(
  http: Server,
  gateway: Gateway,
  options: WebSocketOptions,
  onUpgrade?: (socket: Socket) => void,
): WebSocketDoor {
  const { lamina, upstreams, body } = gateway;
  const { path = '/ws', chatLimit = defaultChatLimit, heartbeatInterval = defaultHeartbeat } = options;
  const connections = new Map<Connection, Promise<void>>();
  const serverOptions = {
    noServer: true,
    maxPayload: 2 * body.bytes,
    perMessageDeflate: false,
    closeTimeout,
    handleProtocols: () => subprotocol,
  };
  const webSockets = new WebSocketServer(serverOptions);
  webSockets.on('wsClientError', refuseHandshake);
  const limits = { tasks: chatLimit, frameBytes: body.bytes };

  const open = (webSocket: WebSocket, { request, scopes }: Accepted): void => {
    const outbox = new Outbox(webSocket, request.socket);
    const inbox = new Inbox(webSocket, request.socket, body.memory);
    const headers = requestHeaders(request.headers);
    const peer = { lamina, upstreams, scopes, headers, inbox, outbox, guard: guardOf(request, scopes) };
    const connection = new Connection(webSocket, peer, limits);
    connections.set(
      connection,
      new Promise((resolve) => {
        webSocket.once('close', () => {
          connections.delete(connection);
          resolve();
        });
      }),
    );
  };
  const heads = new WeakMap<IncomingMessage, Buffer>();
  const begin = handshake(lamina, options, (accepted) => {
    const { request } = accepted;
    onUpgrade?.(request.socket);
    webSockets.handleUpgrade(request, request.socket, heads.get(request)!, (webSocket) => open(webSocket, accepted));
  });
  const answerUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', (error) => lamina.log.debug({ err: error }, 'The connection was lost'));
    if (!isWebSocket(request) || pathOf(request) !== path) {
      if (http.listenerCount('upgrade') === 1) answerOther(http, request, socket, head, path);
      return;
    }
    heads.set(request, head);
    begin(request, socket);
  };
  const heartbeat = setInterval(
    () => connections.forEach((_, connection) => connection.beat()),
    heartbeatInterval * 1000,
  ).unref();
  const leave = (): void => connections.forEach((_, connection) => connection.leave());
  http.on('upgrade', answerUpgrade);
  lamina.closing.addEventListener('abort', leave, { once: true });

  return {
    async close({ signal } = {}) {
      http.off('upgrade', answerUpgrade);
      lamina.closing.removeEventListener('abort', leave);
      const cut = (): void => connections.forEach((_, connection) => connection.cut());
      leave();
      signal?.addEventListener('abort', cut, { once: true });
      if (signal?.aborted === true) cut();
      await Promise.all(connections.values());
      signal?.removeEventListener('abort', cut);
      clearInterval(heartbeat);
    },
  };
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
