// The HTTP server around the application: where it listens, how it closes.
import { once, setMaxListeners } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { isIP, type AddressInfo, type Socket } from 'node:net';
import { LaminaError, type Lamina } from '@lamina/core';
import { createApp } from './app.js';
import { Connections, connectionLimits } from './connections.js';
import { answerUnreadable } from './unreadable.js';
import { refuseConnect, refuseExpectation } from './unsupported.js';
import { defaultPort, type ServerOptions } from './options.js';
import { bodyLimits } from './proxy/body.js';
import { Upstreams } from './proxy/upstreams.js';
import { openDoor } from './ws/attach.js';

/** Lamina on HTTP. It does not own its Lamina: who made that closes it. */
export interface Server {
  /** Node's own server, for what else should answer on the same port. */
  readonly http: HttpServer;
  /**
   * Starts to listen.
   * @returns its URL, without a trailing slash
   * @throws LaminaError `CONFIG_INVALID` when the address or the port cannot be had
   */
  listen(): Promise<string>;
  /**
   * Takes no new connection and resolves when the last request has been answered and the last WebSocket closed, with
   * 1001; aborting the signal cuts those that still run.
   */
  close(options?: { signal?: AbortSignal }): Promise<void>;
}

/**
 * Longer than clients keep idle connections, so that it is never the server who closes one just as a request is sent on
 * it.
 */
const keepAliveMs = 65_000;

/**
 * Makes the server; it does not listen yet.
 * @throws LaminaError `CONFIG_INVALID` when it would listen beyond this machine without a key
 */
export function createServer(lamina: Lamina, options: ServerOptions = {}): Server {
  const { host = '127.0.0.1', port = defaultPort } = options;
  refuseOpenDoor(host, options);
  const upstreams = new Upstreams();
  const body = bodyLimits(options);
  const allowedHosts = [...(options.allowedHosts ?? []), host];
  const ending = new AbortController();
  const closing = AbortSignal.any([ending.signal, lamina.closing]);
  setMaxListeners(0, closing);
  const app = createApp({ lamina, upstreams, body }, { ...options, allowedHosts }, closing).callback();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    connections.begin(request, response);
    response.on('error', (error) => lamina.log.debug({ err: error }, 'The connection was lost'));
    void app(request, response);
  };
  const settings = { keepAliveTimeout: keepAliveMs, requireHostHeader: false }; // `requireHost` answers instead.
  const http = createHttpServer(settings, handle);
  const connections = new Connections(http, connectionLimits(options), lamina.log);
  http.on('clientError', answerUnreadable);
  http.on('checkExpectation', refuseExpectation);
  http.on('connect', refuseConnect);
  // A client that asks before it sends a body is told at once when the body would be too large.
  http.on('checkContinue', (request, response) => {
    if (declaredLength(request) <= body.bytes) response.writeContinue();
    handle(request, response);
  });
  const onUpgrade = (socket: Socket): void => connections.upgrade(socket);
  const door = openDoor(http, { lamina, upstreams, body }, { ...options, allowedHosts }, onUpgrade);
  return {
    http,
    listen: () => listen(http, host, port),
    close: async (how = {}) => {
      ending.abort();
      await Promise.all([close(http, how.signal), door.close(how)]);
      await upstreams.close();
    },
  };
}

function refuseOpenDoor(host: string, { apiKeys = [], allowUnauthenticated = false }: ServerOptions): void {
  if (apiKeys.length > 0 || allowUnauthenticated || isLoopback(host)) return;
  throw new LaminaError('CONFIG_INVALID', {
    message: `Listening on ${host} lets everybody on the network in, so it needs a key: give an API key file, or say explicitly that none is wanted (--allow-unauthenticated).`,
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function declaredLength(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

async function listen(http: HttpServer, host: string, port: number): Promise<string> {
  http.listen(port, host);
  await once(http, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw cannotListen(error, host, port);
  });
  const { port: bound } = http.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): LaminaError {
  const why =
    error.code === 'EADDRINUSE'
      ? 'something else listens there; choose another port, or 0 for a free one'
      : error.message;
  return new LaminaError(
    'CONFIG_INVALID',
    { message: `Cannot listen on ${host}, port ${port}: ${why}.` },
    { cause: error },
  );
}

async function close(http: HttpServer, signal: AbortSignal | undefined): Promise<void> {
  // Connections that are busy now close as soon as they are idle.
  http.keepAliveTimeout = 1;
  const cut = (): void => http.closeAllConnections();
  signal?.addEventListener('abort', cut);
  await new Promise<void>((resolve) => {
    http.close(() => resolve());
    if (signal?.aborted === true) cut();
  });
  signal?.removeEventListener('abort', cut);
}
