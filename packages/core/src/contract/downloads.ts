// Downloads of models.
import type { WireError } from './errors.js';
import type { Json } from './schema.js';
import type { AddressGuard, FoundModel } from './source.js';
import type { DownloadFile, DownloadView } from './views.js';

export type { DownloadFile } from './views.js';

/** What to download: a model of the manifest, from the sources of its entry in their order; or a reference. */
export type DownloadRequest =
  | { readonly model: string; /** Only this source. */ readonly source?: string }
  | {
      readonly reference: Json;
      /** The name of the new model. */ readonly name?: string;
      /** Use this source only; default: the first that supports the reference. */ readonly source?: string;
    };

/** The state of a download. `queued` and `active` downloads resume after a restart. */
export type DownloadState = DownloadView['state'];

/** A snapshot of a download. Sizes are in bytes. */
export interface Download {
  readonly id: string;
  /** The name of its model. */
  readonly model: string;
  readonly source: string;
  readonly reference: Json;
  readonly state: DownloadState;
  /** Bytes on disk. Never decreases while Lamina runs. */
  readonly done: number;
  /** Missing while the size of a file is unknown. */
  readonly total?: number;
  /** Smoothed over some seconds; 0 while it is not active. */
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number;
  readonly files: readonly DownloadFile[];
  /** Why it failed. */
  readonly error?: WireError;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A model of the manifest that can be downloaded. */
export interface Downloadable {
  readonly model: string;
  /** Reference by source, in the order in which they are tried; only installed sources. */
  readonly sources: Readonly<Record<string, Json>>;
  /** The id of its unfinished download. */
  readonly download?: string;
}

/** The options of {@link Downloads.search}. */
export interface SearchOptions {
  /** Ask this source only; default: all that can search. */
  readonly source?: string;
  /** The maximum number of results of each source, 1 to 100; default 20. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  /** The addresses that the search may connect to; default any. Set it for every request from the network. */
  readonly guard?: AddressGuard;
}

/** The result of {@link Downloads.search}. */
export interface SearchResult {
  /** Those of one source after another, the best of each first. */
  readonly models: readonly (FoundModel & { readonly source: string })[];
  /** The sources that failed, and why. */
  readonly failed: readonly { readonly source: string; readonly error: WireError }[];
}

/**
 * Downloads models. A download continues without its caller and after a restart of Lamina.
 * @example
 * ```ts
 * const { id } = await lamina.downloads.start({ model: 'tiny' });
 * const { state } = await lamina.downloads.wait(id);
 * ```
 */
export interface Downloads {
  /**
   * Starts a download; resolves once a source has listed its files, and free space and final paths have been checked.
   * If the model has an unfinished download already, that one is returned, and resumed when it was paused or failed.
   * @param options.guard The addresses it may connect to; default any. Set it for every request from the network, also
   * for models of the manifest, which a request may have written. It applies to the whole download.
   * @throws LaminaError `MODEL_NOT_FOUND`, `REQUEST_INVALID` also when no source supports the reference, `CONFLICT` when
   * the model or another file exists already, `SOURCE_MODEL_NOT_FOUND`, `SOURCE_DENIED`, `SOURCE_UNREACHABLE`,
   * `NOT_SUPPORTED` when the sources of the manifest entry are not installed, `DISK_FULL`, `ABORTED`, `SHUTTING_DOWN`
   * @example
   * ```ts
   * const reference = 'https://example.org/tiny.gguf';
   * const { id, model } = await lamina.downloads.start({ reference, name: 'tiny' }, { guard: 'public' });
   * ```
   */
  start(request: DownloadRequest, options?: { signal?: AbortSignal; guard?: AddressGuard }): Promise<Download>;
  /**
   * All downloads, oldest first. Finished ones are not kept after a restart.
   * @example
   * ```ts
   * const active = lamina.downloads.list().filter(({ state }) => state === 'active');
   * ```
   */
  list(): readonly Download[];
  /**
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`
   * @example
   * ```ts
   * const { done, total, bytesPerSecond } = lamina.downloads.get(id);
   * ```
   */
  get(id: string): Download;
  /**
   * Pauses a download, also across restarts. Its bytes are kept.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it is over
   * @example
   * ```ts
   * await lamina.downloads.pause(id);
   * ```
   */
  pause(id: string): Promise<Download>;
  /**
   * Resumes a paused or failed download.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it is over
   * @example
   * ```ts
   * await lamina.downloads.resume(id);
   * ```
   */
  resume(id: string): Promise<Download>;
  /**
   * Stops a download and deletes its bytes.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it has finished
   * @example
   * ```ts
   * await lamina.downloads.cancel(id);
   * ```
   */
  cancel(id: string): Promise<Download>;
  /**
   * Removes a download from the list; cancels it when it is unfinished. A finished model stays.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`
   * @example
   * ```ts
   * await lamina.downloads.remove(id);
   * ```
   */
  remove(id: string): Promise<void>;
  /**
   * Resolves when the download has finished. The signal ends the waiting, not the download.
   * @throws LaminaError the error of the download, `ABORTED` when the signal is aborted or the download
   * is cancelled or paused, `DOWNLOAD_NOT_FOUND`, `SHUTTING_DOWN`
   * @example
   * ```ts
   * const { model } = await lamina.downloads.wait(id, { signal });
   * ```
   */
  wait(id: string, options?: { signal?: AbortSignal }): Promise<Download>;
  /**
   * The models of the manifest that are not on disk and have an installed source.
   * @example
   * ```ts
   * for (const { model, sources } of lamina.downloads.downloadable()) console.log(model, Object.keys(sources));
   * ```
   */
  downloadable(): readonly Downloadable[];
  /**
   * Searches all sources that can, or one, at the same time, for at most 20 s. A source that fails hides no results of
   * others; when all fail, the error of the first one is thrown.
   * @param text The words to search for, 1 to 200 characters.
   * @throws LaminaError `REQUEST_INVALID`, `NOT_SUPPORTED` when no installed source can search, `SOURCE_DENIED`,
   * `SOURCE_UNREACHABLE`, `TIMEOUT`, `PLUGIN_FAILED`, `ABORTED`, `SHUTTING_DOWN`
   * @example
   * ```ts
   * const { models } = await lamina.downloads.search('qwen3 4b', { limit: 5, signal });
   * for (const { reference, downloads } of models) console.log(reference, downloads);
   * ```
   */
  search(text: string, options?: SearchOptions): Promise<SearchResult>;
}
