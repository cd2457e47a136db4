// Reads what the charts show: the series of all models together, those of the models that are shown by name, and the last
// requests.
import type { FinishedRequest } from '@lamina/core/protocol';
import { ApiError, type Api } from '../../server/api.js';
import { RequestReader } from '../requests/request-reader.js';
import { maxModels } from './colours.js';
import { rankModels, readSeries, type SeriesDocument, type SeriesResponse, type WindowName } from './series.js';

/** What the charts are made from. */
export interface DashboardData {
  readonly total: SeriesDocument;
  /** The models that are shown by name. */
  readonly models: ReadonlyMap<string, SeriesDocument>;
  /** The last requests that ended, the oldest first. */
  readonly requests: readonly FinishedRequest[];
}

/** How often the models to show are chosen again, in milliseconds: that reads the series of all. */
const rankingMs = 60_000;

/** Reads one window, of one model or of all. */
export class DashboardReader {
  #shown: readonly string[] = [];
  #rankedAt: number | undefined;
  #rankedModels = '';
  readonly #requests: RequestReader;

  constructor(
    private readonly api: Api,
    private readonly window: WindowName,
    /** Empty for all. */
    private readonly model: string,
  ) {
    this.#requests = new RequestReader(api);
  }

  /** @returns `undefined` when the server has no time series: the plugin `metrics` is not installed */
  async read(signal: AbortSignal): Promise<DashboardData | undefined> {
    try {
      const total = await this.#series(this.model, signal);
      const models = this.model === '' ? await this.#readModels(total.models, signal) : new Map([[this.model, total]]);
      return { total, models, requests: await this.#readRequests(signal) };
    } catch (error) {
      if (error instanceof ApiError && error.code === 'ROUTE_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async #readModels(all: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, SeriesDocument>> {
    const now = performance.now();
    const names = all.join('\n');
    const isRanking = this.#rankedAt === undefined || now - this.#rankedAt > rankingMs || names !== this.#rankedModels;
    const read = await Promise.all(
      (isRanking ? all : this.#shown).map(async (model) => [model, await this.#series(model, signal)] as const),
    );
    const documents = new Map(read);
    if (isRanking) {
      this.#shown = rankModels(documents, maxModels);
      this.#rankedAt = now;
      this.#rankedModels = names;
    }
    return new Map(this.#shown.map((model) => [model, documents.get(model)!]));
  }

  async #series(model: string, signal: AbortSignal): Promise<SeriesDocument> {
    const query = new URLSearchParams({ window: this.window, ...(model === '' ? {} : { model }) });
    return readSeries(await this.api.request<SeriesResponse>(`stats/series?${query.toString()}`, { signal }));
  }

  async #readRequests(signal: AbortSignal): Promise<readonly FinishedRequest[]> {
    const { finished } = await this.#requests.read(signal);
    return this.model === '' ? finished : finished.filter(({ model }) => model === this.model);
  }
}
