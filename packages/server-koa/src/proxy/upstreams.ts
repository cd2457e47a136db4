// Connections to engines: one pool of them for each place an engine listens at.
import type { Endpoint } from '@lamina/core';
import { Pool } from 'undici';

/** Where requests for an endpoint go: the connections, and the path its routes are below. */
export interface Upstream {
  readonly pool: Pool;
  readonly path: string;
}

/**
 * The pools in use. One is made when a place is first asked for, and let go with its last connection: engines come back
 * on other ports.
 */
export class Upstreams {
  readonly #upstreams = new Map<string, Upstream>();

  /** The connections to an endpoint. */
  at(endpoint: Endpoint): Upstream {
    const key = endpoint.socketPath === undefined ? endpoint.baseUrl : `${endpoint.socketPath} ${endpoint.baseUrl}`;
    const known = this.#upstreams.get(key);
    if (known !== undefined) return known;
    const upstream = open(endpoint);
    this.#upstreams.set(key, upstream);
    const forgetWhenUnused = (): void => {
      const { connected, size } = upstream.pool.stats;
      if (connected > 0 || size > 0 || this.#upstreams.get(key) !== upstream) return;
      this.#upstreams.delete(key);
      void upstream.pool.close();
    };
    upstream.pool.on('disconnect', forgetWhenUnused).on('connectionError', forgetWhenUnused);
    return upstream;
  }

  /** How many pools there are. */
  get size(): number {
    return this.#upstreams.size;
  }

  /** Ends every connection; requests that still run fail. */
  async close(): Promise<void> {
    const upstreams = [...this.#upstreams.values()];
    this.#upstreams.clear();
    await Promise.all(upstreams.map(({ pool }) => pool.destroy()));
  }
}

function open({ baseUrl, socketPath }: Endpoint): Upstream {
  const { origin, pathname } = new URL(baseUrl);
  // No time limit: an engine may think for as long as it likes; whoever waits can leave, and the runtime watches its
  // health.
  const pool = new Pool(origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(socketPath === undefined ? {} : { socketPath }),
  });
  return { pool, path: pathname.replace(/\/$/, '') };
}
