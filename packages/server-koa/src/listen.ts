// Where the server listens: one address, or both loopback addresses for `localhost`.
import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer as createNetServer, type AddressInfo, type Server as NetServer } from 'node:net';
import { LaminaError, type Logger } from '@lamina/core';

/** The sockets that a server listens on. */
export interface Listener {
  /** Starts to listen, and returns the URL. @throws LaminaError `CONFIG_INVALID` when the address or port is not available */
  listen(): Promise<string>;
  /** Accepts no new connection, and resolves when the last one is closed. Aborting the signal closes all. */
  close(signal: AbortSignal | undefined): Promise<void>;
}

/** Errors of a machine without IPv6. */
const missingAddress = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Creates the listener. Clients resolve `localhost` to either loopback address, so it listens on both. */
export function createListener(http: HttpServer, host: string, port: number, log: Logger): Listener {
  // Half-open and without delay, as the sockets of an HTTP server are.
  const second = createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) => http.emit('connection', socket));
  return {
    async listen() {
      if (host !== 'localhost') return urlOf(host, await listenOn(http, host, port));
      const bound = await listenOn(http, '127.0.0.1', port);
      await listenOn(second, '::1', bound).catch((error: LaminaError) => {
        const { code } = error.cause as NodeJS.ErrnoException;
        if (!missingAddress.has(code ?? '')) {
          http.close();
          throw error;
        }
        log.info(
          { event: 'server.no-ipv6' },
          'This machine has no address ::1, so the server listens on 127.0.0.1 only',
        );
      });
      second.on('error', (error) => http.emit('error', error));
      return urlOf(host, bound);
    },
    async close(signal) {
      // Busy connections close as soon as they are idle.
      http.keepAliveTimeout = 1;
      const closeNow = (): void => http.closeAllConnections();
      signal?.addEventListener('abort', closeNow);
      const closed = [http, second].map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      if (signal?.aborted === true) closeNow();
      await Promise.all(closed);
      signal?.removeEventListener('abort', closeNow);
    },
  };
}

async function listenOn(server: NetServer, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw cannotListen(error, host, port);
  });
  return (server.address() as AddressInfo).port;
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): LaminaError {
  const why =
    error.code === 'EADDRINUSE' ? 'the port is in use. Choose another port, or 0 for a free one' : error.message;
  return new LaminaError(
    'CONFIG_INVALID',
    { message: `Cannot listen on ${host}, port ${port}: ${why}.` },
    { cause: error },
  );
}
