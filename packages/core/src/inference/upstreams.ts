// Connections to engines: one undici pool for each endpoint.
import type { Endpoint } from '../contract/backends.js';
import type { Pool } from 'undici';
import { loadUndici } from '../kernel/undici.js';

/** undici ends a connection attempt up to 0.5 s after its limit: 2 s in all. */
const connectTimeoutMs = 1_500;

/** The connections to an endpoint, and the path that its routes begin with. */
export interface Upstream {
  readonly pool: Pool;
  readonly path: string;
}

/**
 * The pools in use. A pool is made for the first request to an endpoint and closed with its last connection, because
 * engines restart on other ports.
 */
export class Upstreams {
  readonly #upstreams = new Map<string, Upstream>();

  /** The connections to an endpoint. */
  at(endpoint: Endpoint): Upstream {
    const key = keyOf(endpoint);
    const known = this.#upstreams.get(key);
    if (known !== undefined) return known;
    const upstream = connect(endpoint);
    this.#upstreams.set(key, upstream);
    const closeWhenUnused = (): void => {
      const { connected, size } = upstream.pool.stats;
      if (connected > 0 || size > 0 || this.#upstreams.get(key) !== upstream) return;
      this.#upstreams.delete(key);
      void upstream.pool.close();
    };
    upstream.pool.on('disconnect', closeWhenUnused).on('connectionError', closeWhenUnused);
    return upstream;
  }

  /** Closes the connections to an endpoint that is lost: the next request must not be sent on one of them. */
  drop(endpoint: Endpoint): void {
    const key = keyOf(endpoint);
    void this.#upstreams.get(key)?.pool.destroy();
    this.#upstreams.delete(key);
  }

  /** Closes every connection; requests under way fail. */
  async close(): Promise<void> {
    const upstreams = [...this.#upstreams.values()];
    this.#upstreams.clear();
    await Promise.all(upstreams.map(({ pool }) => pool.destroy()));
  }
}

/** Names an endpoint: where it is, whatever its headers. */
export function keyOf({ baseUrl, socketPath }: Endpoint): string {
  return socketPath === undefined ? baseUrl : `${socketPath} ${baseUrl}`;
}

function connect({ baseUrl, socketPath }: Endpoint): Upstream {
  const { origin, pathname } = new URL(baseUrl);
  // An engine may take any time for an answer: the client can cancel, and its health is checked. Only connecting is
  // limited, so that a request soon tries another endpoint when the way to one is cut.
  const { Pool } = loadUndici();
  const pool = new Pool(origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: connectTimeoutMs,
    ...(socketPath === undefined ? {} : { socketPath }),
  });
  return { pool, path: pathname.replace(/\/$/, '') };
}
