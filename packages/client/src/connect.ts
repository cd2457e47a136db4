// Makes a client for the address of a server.
import { LaminaClient } from './client.js';

/** The options of {@link connect}. */
export interface ConnectOptions {
  /** The API key. It is sent in a header or, by a browser, as a subprotocol; never in the URL. */
  readonly key?: string;
  /** Seconds that a call waits for a connection before it fails with `UNREACHABLE`; default 30. Listeners wait forever. */
  readonly reconnectTimeout?: number;
  /**
   * Seconds between two pings. A server that sends nothing for as long is gone, and the connection is replaced; default
   * 15.
   */
  readonly heartbeatInterval?: number;
}

/**
 * A client of the server at an address: `http://127.0.0.1:11500`, or the whole URL of its WebSocket. It connects when it
 * is first used. When the connection is lost, it connects again as long as something is under way or somebody listens.
 * @throws TypeError for an address that is no URL of HTTP or WebSocket
 * @example
 * ```ts
 * import { connect } from '@lamina/client';
 *
 * const client = connect('http://127.0.0.1:11500', { key: 'my-key' });
 * console.log(await client.chat({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] }).text());
 * client.close();
 * ```
 */
export function connect(url: string | URL, options: ConnectOptions = {}): LaminaClient {
  const { key, reconnectTimeout = 30, heartbeatInterval = 15 } = options;
  return new LaminaClient({
    url: webSocketUrl(url),
    key,
    reconnectTimeout: reconnectTimeout * 1000,
    heartbeat: heartbeatInterval * 1000,
  });
}

function webSocketUrl(address: string | URL): string {
  const url = new URL(address);
  url.protocol = url.protocol.replace('http', 'ws');
  if (!/^wss?:$/.test(url.protocol)) throw new TypeError(`${String(address)} is not a URL of HTTP or WebSocket.`);
  if (url.pathname === '/') url.pathname = '/ws';
  return url.href;
}
