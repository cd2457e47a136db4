// Reads the requests of the server: the first time all that it keeps, then those that have ended since.
import type { RequestsView } from '@lamina/core/protocol';
import type { Api } from '../../server/api.js';
import { addRequests } from './request-list.js';

/** Reads one list again and again. */
export class RequestReader {
  #known: RequestsView | undefined;

  constructor(private readonly api: Api) {}

  /** The list as it is now. */
  async read(signal: AbortSignal): Promise<RequestsView> {
    const after = this.#known?.finished.at(-1)?.id;
    const query = after === undefined ? '' : `?${new URLSearchParams({ after }).toString()}`;
    this.#known = addRequests(this.#known, await this.api.request<RequestsView>(`requests${query}`, { signal }));
    return this.#known;
  }
}
