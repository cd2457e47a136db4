// Downloads of models.
import type { WireError } from './errors.js';
import type { Json } from './schema.js';
import type { AddressGuard } from './source.js';

/**
 * What to download: a model of the manifest, from the sources its entry names in their order; or what a reference
 * names.
 */
export type DownloadRequest =
  | { readonly model: string; /** Only this source. */ readonly source?: string }
  | {
      readonly reference: Json;
      /** What the model shall be called. */ readonly name?: string;
      /** Asked alone; default: each, until one knows the reference. */ readonly source?: string;
    };

/** Where a download stands. `queued` and `active` go on by themselves, after a restart too. */
export type DownloadState = 'queued' | 'active' | 'paused' | 'finished' | 'failed' | 'cancelled';

/** One file of a download. */
export interface DownloadFile {
  /** Relative to the model's directory. */
  readonly path: string;
  readonly done: number;
  /** Missing while it is not known. */
  readonly total?: number;
  readonly state: 'waiting' | 'fetching' | 'fetched' | 'verified' | 'placed';
}

/** A download, seen from outside. */
export interface Download {
  readonly id: string;
  /** The model it makes. */
  readonly model: string;
  readonly source: string;
  readonly reference: Json;
  readonly state: DownloadState;
  /** Bytes that are here. Never falls while Lamina runs. */
  readonly done: number;
  /** Missing while the size of a file is not known. */
  readonly total?: number;
  /** Smoothed over some seconds; 0 while nothing is fetched. */
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number;
  readonly files: readonly DownloadFile[];
  /** Why it failed. */
  readonly error?: WireError;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A model of the manifest that is not on disk and could be. */
export interface Downloadable {
  readonly model: string;
  /** Source → reference, in the order they are tried; only sources this Lamina has. */
  readonly sources: Readonly<Record<string, Json>>;
  /** The download of it that is under way, paused or failed. */
  readonly download?: string;
}

/** Fetches models. A download outlives its caller, and a restart of Lamina. */
export interface Downloads {
  /**
   * Begins to download, once a source has said which files. Asked again for a model whose download is not over, it is
   * the same download; one that was paused or failed goes on.
   * @param options.guard Which addresses it may lead to. Give it for every request that came over the network, also
   * for a model of the
   * manifest: a request may have written what the manifest says. Without it, any address is allowed. A download keeps
   * it to its end.
   * @throws LaminaError `MODEL_NOT_FOUND`, `REQUEST_INVALID`, `CONFLICT` when the model is here already,
   * `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `NOT_SUPPORTED` when no source knows the reference, `ABORTED`,
   * `SHUTTING_DOWN`
   */
  start(request: DownloadRequest, options?: { signal?: AbortSignal; guard?: AddressGuard }): Promise<Download>;
  /** Every download that was not removed, oldest first; those that finished are forgotten with this Lamina. */
  list(): readonly Download[];
  /** @throws LaminaError `DOWNLOAD_NOT_FOUND` */
  get(id: string): Download;
  /**
   * Stops fetching and keeps what is here; stays so after a restart.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it is over
   */
  pause(id: string): Promise<Download>;
  /**
   * Goes on with one that was paused or failed.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it is over
   */
  resume(id: string): Promise<Download>;
  /** Ends it and deletes what was fetched. @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it has finished */
  cancel(id: string): Promise<Download>;
  /**
   * Forgets it; one that is not over is cancelled. The model it made stays.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`
   */
  remove(id: string): Promise<void>;
  /**
   * Resolves when it has finished; the signal ends only the waiting.
   * @throws LaminaError what it failed with, `ABORTED` when the signal was or the download is cancelled or paused,
   * `DOWNLOAD_NOT_FOUND`, `SHUTTING_DOWN`
   */
  wait(id: string, options?: { signal?: AbortSignal }): Promise<Download>;
  /** What the manifest could fetch. */
  downloadable(): readonly Downloadable[];
}
