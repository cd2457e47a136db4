// The HTTP server, and how it closes.
import { setMaxListeners } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { isIP, type Socket } from 'node:net';
import { LaminaError, type Lamina } from '@lamina/core';
import { onClientError, refuseConnect, refuseExpectation } from './client-error.js';
import { Connections, connectionLimits } from './connections.js';
import { createListener } from './listen.js';
import { hasKeys } from './middleware/authentication.js';
import { defaultPort, type ServerOptions } from './options.js';
import { bodyLimits } from './request/body.js';
import { createApp } from './router.js';
import { attachWebSocketServer } from './ws/attach.js';

/** Lamina's HTTP server. It does not close its Lamina: whoever created that does. */
export interface Server {
  /** Node's HTTP server. */
  readonly http: HttpServer;
  /**
   * Starts to listen, and records the URL so that commands on this machine find it.
   * @returns its URL, without a trailing slash
   * @throws LaminaError `CONFIG_INVALID` when the address or the port is not available
   */
  listen(): Promise<string>;
  /**
   * Accepts no new connection, closes WebSockets with code 1001, and resolves when the last request has been answered.
   * Aborting the signal ends the requests under way.
   */
  close(options?: { signal?: AbortSignal }): Promise<void>;
}

/** Longer than clients keep idle connections, so that the server never closes one just as a request is sent on it. */
const keepAliveMs = 65_000;

/**
 * Creates the server; call `listen` to start it.
 * @throws LaminaError `CONFIG_INVALID` when it would listen on a public address without a key
 */
export function createServer(lamina: Lamina, options: ServerOptions = {}): Server {
  const { host = '127.0.0.1', port = defaultPort } = options;
  requireKeyForPublicHost(host, options);
  const limits = bodyLimits(options);
  const allowedHosts = [...(options.allowedHosts ?? []), host];
  const ending = new AbortController();
  const closing = AbortSignal.any([ending.signal, lamina.closing]);
  setMaxListeners(0, closing);
  const app = createApp(lamina, limits, { ...options, allowedHosts }, closing).callback();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    connections.begin(request, response);
    response.on('error', (error) => lamina.log.debug({ err: error }, 'The client disconnected'));
    void app(request, response);
  };
  const settings = { keepAliveTimeout: keepAliveMs, requireHostHeader: false }; // The middleware `requireHost` checks it.
  const http = createHttpServer(settings, handle);
  const connections = new Connections(http, connectionLimits(options), lamina.log);
  http.on('clientError', onClientError);
  http.on('checkExpectation', refuseExpectation);
  http.on('connect', refuseConnect);
  // A client that waits for `100 Continue` gets the error at once when its body would be too large.
  http.on('checkContinue', (request, response) => {
    if (declaredLength(request) <= limits.bytes) response.writeContinue();
    handle(request, response);
  });
  const onUpgrade = (socket: Socket): void => connections.upgrade(socket);
  const webSockets = attachWebSocketServer(http, lamina, limits, { ...options, allowedHosts }, onUpgrade);
  const listener = createListener(http, host, port, lamina.log);
  let withdraw = (): Promise<void> => Promise.resolve();
  return {
    http,
    async listen() {
      const url = await listener.listen();
      withdraw = await lamina.announce(url);
      return url;
    },
    close: async (options = {}) => {
      ending.abort();
      await Promise.all([listener.close(options.signal), webSockets.close(options), withdraw()]);
    },
  };
}

function requireKeyForPublicHost(host: string, { apiKeys, allowUnauthenticated = false }: ServerOptions): void {
  if (hasKeys(apiKeys) || allowUnauthenticated || isLoopback(host)) return;
  throw new LaminaError('CONFIG_INVALID', {
    message: `Listening on ${host} makes the server public, so it needs an API key (--api-key-file). To serve without a key, use --allow-unauthenticated.`,
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function declaredLength(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}
