// The options of the router, the WebSocket and the server.
import type { Scope } from '@lamina/core';

/** An API key. Clients send it as `Authorization: Bearer <key>` or `x-api-key: <key>`. */
export interface ApiKey {
  readonly key: string;
  /** Default: all scopes. */
  readonly scope?: Scope;
  /** Who uses the key: shown in the log and in events, and given to plugins. Several keys may have the same name. */
  readonly name?: string;
}

/** The options of `laminaRouter`. */
export interface RouterOptions {
  /**
   * The valid API keys. Without any, every caller has all scopes. A function is called for each request and returns the
   * keys of that moment; callers always need one. WebSockets that are open keep the scopes they have.
   */
  readonly apiKeys?: readonly ApiKey[] | (() => readonly ApiKey[]);
  /** Maximum size of the body of an inference request, in bytes. Default: 32 MiB. Other routes accept at most 1 MiB. */
  readonly bodyLimit?: number;
  /**
   * The most bytes of request bodies in memory, over all requests; default 128 MiB, or `bodyLimit` if that is more. A
   * request beyond it waits up to 5 s and is then refused with 503. A body stays in memory until its response has ended,
   * so many long responses to large bodies need a higher limit.
   */
  readonly bodyMemoryLimit?: number;
  /**
   * Origins of web pages that may call this server, or `'*'` for all. `*` also stands for a part of a name, or for a
   * port: `https://*.example.com`, `http://192.168.1.7:*`. Default: its own pages, and pages on `localhost`, which may
   * only use GET and inference.
   */
  readonly cors?: readonly string[] | '*';
  /**
   * Allowed host names besides IP addresses, `localhost` and its subdomains; a name that begins with a dot stands for its
   * subdomains. Without keys, all other names are refused, so that no web page can reach the server through a name that
   * resolves to it.
   */
  readonly allowedHosts?: readonly string[];
  /**
   * Whether a request for a model without its files starts the download, from the sources in the manifest. Default false:
   * the error says how to start it.
   */
  readonly autoDownload?: boolean;
  /**
   * Seconds between two heartbeats on event streams and WebSockets; a WebSocket that does not answer one is closed. A
   * request with `stream: true` that waits longer gets the head of its response and comments about its progress.
   * Default 15.
   */
  readonly heartbeatInterval?: number;
}

/**
 * The options of `attachWebSocket`. A frame larger than `bodyLimit` is answered with an error, one larger than twice
 * that closes its connection.
 */
export interface WebSocketOptions extends RouterOptions {
  /** The path of the WebSocket; default `/ws`. */
  readonly path?: string;
  /** The most chats, subscriptions and calls of one connection at the same time; default 100. */
  readonly chatLimit?: number;
  /**
   * Seconds that a chat over a WebSocket continues after its connection was lost, so that the client can resume it with
   * `chat.resume`; with `keep` also after the client closed the connection. Also how long it can be resumed after its
   * end. Default 30; 0 ends it with its connection.
   */
  readonly resumeTimeout?: number;
}

/** The options of `createServer`. */
export interface ServerOptions extends Omit<WebSocketOptions, 'path'> {
  /** The address to listen on. Default: `127.0.0.1`. Any address other than loopback requires `apiKeys`. */
  readonly host?: string;
  /** Default 11500; 0 selects a free one. */
  readonly port?: number;
  /**
   * The most connections, WebSockets included. At the limit, a new one replaces the one that has been idle the longest,
   * or is closed at once when none is idle. Default: `(n - 128) / 2` of the n file descriptors that the process may have
   * (`ulimit -n`; where that is not known, 1,024), at least 16 and at most 10,000.
   */
  readonly maxConnections?: number;
  /**
   * The most connections from one address; default: half of `maxConnections`. Behind a reverse proxy, which is one
   * address, set both to the same number.
   */
  readonly maxConnectionsPerAddress?: number;
  /** Listens on any address without a key: everybody who can reach the port has all scopes. Default false. */
  readonly allowUnauthenticated?: boolean;
}

/** Not registered for anything in use, and not the port of another model server. */
export const defaultPort = 11500;

/** Proxies keep an idle connection open for half a minute or more. */
export const defaultHeartbeat = 15;

/** 32 MiB: enough for a few photographs in base64. */
export const defaultBodyLimit = 32 * 1024 * 1024;

/** 128 MiB: four of the largest bodies. */
export const defaultBodyMemoryLimit = 128 * 1024 * 1024;
