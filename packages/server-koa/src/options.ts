// What a host may say about the server.

/**
 * What a key allows: `inference` is chats, embeddings and the like; `manage` is starting and stopping, and seeing
 * processes, addresses and absolute paths.
 */
export type Scope = 'inference' | 'manage';

/** A key that clients send as `Authorization: Bearer <key>` or `x-api-key: <key>`. */
export interface ApiKey {
  readonly key: string;
  /** Missing: every scope. */
  readonly scope?: Scope;
}

/** The options of `laminaRouter`. */
export interface RouterOptions {
  /** Keys the server takes. None: every caller is let in, with every scope. */
  readonly apiKeys?: readonly ApiKey[];
  /** The largest body of an inference request, in bytes; default 32 MiB. Other routes take at most 1 MiB of it. */
  readonly bodyLimit?: number;
  /**
   * Bytes of request bodies that are held at once, over all requests; default 128 MiB. A request beyond it waits up to
   * 5 s and is then refused with 503. A body is held until its answer has ended, so many long answers to large bodies
   * need a higher limit.
   */
  readonly bodyMemoryLimit?: number;
  /**
   * Web pages that may call this server, as origins (`https://app.example`), or `'*'` for all; default: only its own.
   */
  readonly cors?: readonly string[] | '*';
  /**
   * Host names the server answers to besides IP addresses, `localhost` and its subdomains; one that begins with a dot
   * stands for its subdomains. Without keys, any other name is refused, so that no web page can reach the server by a
   * name it makes point here.
   */
  readonly allowedHosts?: readonly string[];
  /**
   * A request for a model that is not here begins its download, from the sources the manifest names. Default false: the
   * answer says how.
   */
  readonly autoDownload?: boolean;
  /**
   * Seconds between two signs of life on event streams and WebSockets; a WebSocket that gives none back is cut off.
   * Default 15.
   */
  readonly heartbeatInterval?: number;
}

/**
 * The options of `attachWebSocket`. A frame larger than `bodyLimit` is answered with an error, one larger than twice
 * that ends its connection.
 */
export interface WebSocketOptions extends RouterOptions {
  /** Where it answers; default `/ws`. */
  readonly path?: string;
  /** Chats, subscriptions and calls that one connection may have under way; default 100. */
  readonly chatLimit?: number;
}

/** The options of `createServer`. */
export interface ServerOptions extends Omit<WebSocketOptions, 'path'> {
  /** The address to listen on; default `127.0.0.1`. Any but a loopback address needs `apiKeys`. */
  readonly host?: string;
  /** Default 11500; 0 takes a free one. */
  readonly port?: number;
  /**
   * Connections there may be at once, WebSockets included. A new one beyond that closes the one that has been idle the
   * longest, or is closed at once where none is idle. Default: `(n - 128) / 2` of the n descriptors the process may
   * have (`ulimit -n`; where that is not known, 1,024), at least 16 and at most 10,000.
   */
  readonly maxConnections?: number;
  /**
   * Of these, from one address. A reverse proxy is one address: behind one, give it the same number. Default: half of
   * `maxConnections`.
   */
  readonly maxConnectionsPerAddress?: number;
  /** Listens on any address without a key. Whoever reaches the port may then do everything. Default false. */
  readonly allowUnauthenticated?: boolean;
}

/** 11500: registered for nothing that is in use, and not a port of another model server. */
export const defaultPort = 11500;

/** Proxies between us and a client let a quiet connection live for half a minute or more. */
export const defaultHeartbeat = 15;

/** 32 MiB: room for a few photographs in base64. */
export const defaultBodyLimit = 32 * 1024 * 1024;

/** 128 MiB: four of the largest bodies. */
export const defaultBodyMemoryLimit = 128 * 1024 * 1024;
