// A client of a server: the one that runs, or one in this process for a single command.
import { connect, LaminaClientError, type LaminaClient } from '@lamina/client';
import { LaminaError, type WireError } from '@lamina/core/protocol';
import type { LaminaOpening } from './local-lamina.js';
import { ServerClient } from './server-client.js';
import type { ServerLocation } from './server-location.js';
import type { GlobalOptions } from './global-options.js';

/** Seconds that a command waits for a server that does not answer. */
const connectSeconds = 5;

/** A server, and a client of it. */
export interface OpenedServer {
  readonly url: string;
  readonly client: LaminaClient;
  close(): Promise<void>;
}

/**
 * Opens a client of a running server, once that has answered.
 * @throws LaminaError `SERVER_UNREACHABLE`, at once and with the reason, where a client would go on connecting;
 * `UNAUTHORIZED` with what a command takes a key from
 */
export async function openRunning(server: ServerLocation, signal: AbortSignal): Promise<OpenedServer> {
  await new ServerClient(server.url, server.key, signal).request('GET', '/ps');
  return openClient(server);
}

function openClient({ url, key }: ServerLocation): OpenedServer {
  const client = connect(url, { ...(key === undefined ? {} : { key }), reconnectTimeout: connectSeconds });
  return {
    url,
    client,
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}

/**
 * Starts a server in this process, on a free port of this machine. Other commands find it while it runs.
 * @throws LaminaError what `openLamina` and `listen` throw
 */
export async function startServer(options: GlobalOptions, opening: LaminaOpening): Promise<OpenedServer> {
  const [{ openLamina }, { createServer }] = await Promise.all([
    import('./local-lamina.js'),
    import('@lamina/server-koa'),
  ]);
  const { lamina } = await openLamina(options, 'owner', opening);
  const server = createServer(lamina, { port: 0 });
  try {
    const opened = openClient({ url: await server.listen(), key: undefined, isFound: false });
    return {
      ...opened,
      async close() {
        await opened.close();
        await server.close({ signal: AbortSignal.abort() });
        await lamina.close({ signal: opening.signal });
      },
    };
  } catch (error) {
    await lamina.close();
    throw error;
  }
}

/** The error of a client as that of a command. */
export function toLaminaError(error: unknown, url: string): unknown {
  if (!(error instanceof LaminaClientError)) return error;
  const { code, message, param, details } = error;
  if (code === 'UNREACHABLE') {
    const reason = `it did not answer for ${connectSeconds} s`;
    return new LaminaError('SERVER_UNREACHABLE', { url, reason }, { cause: error });
  }
  const wire = { message, type: 'server_error', code, ...(param === undefined ? {} : { param }), details };
  return LaminaError.fromWire(wire as WireError);
}
