// Connections to engines: one undici pool for each endpoint.
import type { Endpoint } from '../contract/backends.js';
import type { Pool } from 'undici';
import { loadUndici } from '../kernel/undici.js';

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
    const key = endpoint.socketPath === undefined ? endpoint.baseUrl : `${endpoint.socketPath} ${endpoint.baseUrl}`;
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

  /** Closes every connection; requests under way fail. */
  async close(): Promise<void> {
    const upstreams = [...this.#upstreams.values()];
    this.#upstreams.clear();
    await Promise.all(upstreams.map(({ pool }) => pool.destroy()));
  }
}

function connect({ baseUrl, socketPath }: Endpoint): Upstream {
  const { origin, pathname } = new URL(baseUrl);
  // No timeouts: an engine may take any time for an answer. The client can cancel, and the runtime checks its health.
  const { Pool } = loadUndici();
  const pool = new Pool(origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(socketPath === undefined ? {} : { socketPath }),
  });
  return { pool, path: pathname.replace(/\/$/, '') };
}
