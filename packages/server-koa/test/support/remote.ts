// A service elsewhere, and a plugin that attaches models to it: for answers that the fake engine does not give.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Plugin } from '@lamina/core';
import {
  definePlugin,
  type Endpoint,
  type EndpointOptions,
  type ModelServer,
  type RequestAdapter,
  type ServerInfo,
} from '@lamina/core/plugin';

export interface Remote {
  readonly url: string;
  readonly http: Server;
  close(): Promise<void>;
}

/** A service on a free port, or on a Unix socket. */
export async function openRemote(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  socketPath?: string,
): Promise<Remote> {
  const http = createServer(answer);
  if (socketPath === undefined) http.listen(0, '127.0.0.1');
  else http.listen(socketPath);
  await once(http, 'listening');
  return {
    url: socketPath === undefined ? `http://127.0.0.1:${(http.address() as AddressInfo).port}` : 'http://localhost',
    http,
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

/** The plugin `remote`, whose models `{ backend: 'elsewhere', format: 'remote' }` are at an endpoint. */
export function remotePlugin(
  endpoint: (options?: EndpointOptions) => Endpoint,
  more: { info?: ServerInfo; adapt?: RequestAdapter } = {},
): Plugin {
  const { info = {}, adapt } = more;
  const factory = definePlugin({
    name: 'remote',
    setup: (lamina) =>
      lamina.addBackend({
        type: 'elsewhere',
        formats: ['remote'],
        options: { type: 'object' },
        modelOptions: { type: 'object' },
        lifetime: 'external',
        create: (name) => ({
          name,
          probe: () => Promise.resolve({ available: true }),
          accepts: () => ({ rank: 0, reason: 'it is remote' }),
          start: () => Promise.resolve(attached(endpoint, info)),
          ...(adapt === undefined ? {} : { adapt }),
        }),
      }),
  });
  return factory();
}

function attached(endpoint: (options?: EndpointOptions) => Endpoint, info: ServerInfo): ModelServer {
  let end!: () => void;
  const closed = new Promise<void>((resolve) => (end = resolve)).then(() => ({
    code: null,
    signal: null,
    expected: true,
    reason: 'detached',
    lastLines: [],
  }));
  return { endpoint, info, closed, stop: () => Promise.resolve(end()) };
}
