// Reads what the charts show: the series of all models together, those of the models that are shown by name, and the last
// requests.
import type { FinishedRequest } from '@lamina/core/protocol';
import { ApiError, type Api } from '../../server/api.js';
import { RequestReader } from '../requests/request-reader.js';
import { maxModels } from './colours.js';
import {
  alignedTo,
  rankModels,
  readSeries,
  restOf,
  sumOf,
  type SeriesDocument,
  type SeriesResponse,
  type WindowName,
} from './series.js';

/** What the charts are made from. */
export interface DashboardData {
  readonly total: SeriesDocument;
  /** The models that are shown by name. */
  readonly models: ReadonlyMap<string, SeriesDocument>;
  /** The last requests that ended, the oldest first. */
  readonly requests: readonly FinishedRequest[];
}

/** After how many milliseconds the models to show are chosen again, which reads the series of all. */
const rankingMs = 60_000;
/** The same when a model that is not shown could be. */
const incompleteRankingMs = 5_000;

/** Reads one window, of one model or of all. */
export class DashboardReader {
  #shown: readonly string[] = [];
  #ranking: { readonly at: number; readonly models: string } | undefined;
  #isComplete = false;
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
      const models = this.model === '' ? await this.#readModels(total, signal) : new Map([[this.model, total]]);
      return { total, models, requests: await this.#readRequests(signal) };
    } catch (error) {
      if (error instanceof ApiError && error.code === 'ROUTE_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async #readModels(total: SeriesDocument, signal: AbortSignal): Promise<ReadonlyMap<string, SeriesDocument>> {
    const isRanking = this.#mustRank(total.models);
    const read = await Promise.all(
      (isRanking ? total.models : this.#shown).map(
        async (model) => [model, await this.#series(model, signal)] as const,
      ),
    );
    const documents = new Map(read);
    if (isRanking) {
      this.#shown = rankModels(documents, maxModels);
      this.#ranking = { at: performance.now(), models: total.models.join('\n') };
    }
    const models = new Map(this.#shown.map((model) => [model, documents.get(model)!]));
    this.#isComplete = models.size === maxModels || !hasOthers(total, models);
    return models;
  }

  #mustRank(models: readonly string[]): boolean {
    if (this.#ranking === undefined || this.#ranking.models !== models.join('\n')) return true;
    return performance.now() - this.#ranking.at > (this.#isComplete ? rankingMs : incompleteRankingMs);
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

/** Whether models that are not shown have tokens or memory. */
function hasOthers(total: SeriesDocument, models: ReadonlyMap<string, SeriesDocument>): boolean {
  return (['generated_tokens', 'memory_bytes'] as const).some((field) => {
    const parts = [...models.values()].map((document) => alignedTo(total, document, field));
    return sumOf(restOf(total.series[field], parts)) > 0;
  });
}
