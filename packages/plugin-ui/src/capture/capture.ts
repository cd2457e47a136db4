// Keeps the prompts and answers of the last requests in memory, when the operator has switched that on.
import type { PluginContext } from '@lamina/core/plugin';
import { CapturedRequest, isCaptured } from './captured-request.js';

/** How many requests are kept: with their limits, 16 MB at most. */
const kept = 50;

/** After all other taps, so that what a plugin redacts is not kept. */
const last = { stage: 1000 };

/** The texts of the last requests. They are only in memory. */
export class Capture {
  readonly #requests = new Map<string, CapturedRequest>();

  constructor({ hooks, log }: Pick<PluginContext, 'hooks' | 'log'>) {
    log.warn(
      {},
      `Capture is on: the prompts and answers of the last ${kept} requests are kept in memory, and keys with the scope "manage" can read them at /ui/`,
    );
    hooks.beforeRequest.tap(({ id, route, json }) => {
      if (json !== undefined && isCaptured(route)) this.#add(id, new CapturedRequest(json));
      return undefined;
    }, last);
    hooks.transformResponse.tap((response, { id }) => {
      const request = this.#requests.get(id);
      if (request === undefined) return;
      response.chunks({ each: (chunk) => (request.addChunk(chunk), chunk) });
      response.body((body) => (request.addBody(body), body));
    }, last);
  }

  /** The ids of the requests whose texts are kept, the oldest first. */
  list(): string[] {
    return [...this.#requests.keys()];
  }

  /** The texts of a request, of a running one those so far; `undefined` when they are not kept. */
  get(id: string): CapturedRequest | undefined {
    return this.#requests.get(id);
  }

  #add(id: string, request: CapturedRequest): void {
    this.#requests.set(id, request);
    if (this.#requests.size > kept) this.#requests.delete(this.list()[0]!);
  }
}
