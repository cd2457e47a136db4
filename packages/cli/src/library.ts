// What commands work with: one interface, implemented by a Lamina in this process and by a server.
import type { DownloadRequest, ModelStats, SuggestRequest } from '@lamina/core';
import type {
  BackendsView,
  DownloadableView,
  DownloadView,
  InstallationView,
  ModelDetail,
  ModelsView,
  RemovalView,
  SearchView,
  SuggestionView,
  ValidationView,
} from '@lamina/core/protocol';

/** The progress of an installation; `ratio` is from 0 to 1. */
export interface InstallProgress {
  readonly stage: string;
  readonly ratio?: number;
}

/** Which source to search, default all that can; and the maximum number of results of each, default 20. */
export interface SearchRange {
  readonly source?: string;
  readonly limit?: number;
}

/**
 * Models and downloads of this machine or of a server. Every call ends when the signal that the library was opened with
 * is aborted, and throws LaminaErrors.
 */
export interface Library {
  /** Whether it is that of a server: only a server knows which models are loaded, and its downloads outlive the command. */
  readonly isServer: boolean;
  /** `backends`: also how they would run, which reads their headers and probes engines. */
  models(options?: { readonly backends: boolean }): Promise<ModelsView>;
  /** `backends`: as for {@link models}. @throws LaminaError `MODEL_NOT_FOUND` */
  model(name: string, options?: { readonly backends: boolean }): Promise<ModelDetail>;
  stats(): Promise<ModelStats>;
  backends(): Promise<BackendsView>;
  /** Installs the engine of a backend. @throws LaminaError as `Backends.install` */
  installBackend(name: string, onProgress: (progress: InstallProgress) => void): Promise<InstallationView>;
  /** @throws LaminaError `NO_SUGGESTION`, `REQUEST_INVALID` */
  suggest(request: SuggestRequest): Promise<SuggestionView>;
  /** Searches sources for models to download. @throws LaminaError as `Downloads.search` */
  search(text: string, options: SearchRange): Promise<SearchView>;
  /** Checks the manifest and all models, or only those named. @throws LaminaError `MODEL_NOT_FOUND` */
  validate(names: readonly string[] | undefined): Promise<ValidationView>;
  /** How many diagnostics `validate` shows. */
  diagnosticsCount(): Promise<number>;
  /** @throws LaminaError `MODEL_NOT_FOUND`, `CONFLICT` */
  remove(name: string, options: { readonly files: boolean }): Promise<RemovalView>;
  /**
   * @throws LaminaError `NOT_SUPPORTED` for a server, which accepts no uploads; `REQUEST_INVALID`, `CONFLICT`,
   * `DISK_FULL`
   */
  install(name: string, path: string): Promise<ModelDetail>;
  downloadable(): Promise<DownloadableView>;
  /** Starts or resumes a download. @throws LaminaError as `Downloads.start` */
  download(request: DownloadRequest): Promise<DownloadView>;
  downloads(): Promise<{ readonly downloads: readonly DownloadView[] }>;
  /** Also works after the signal was aborted. @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` */
  pause(id: string): Promise<DownloadView>;
  /** @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` */
  resume(id: string): Promise<DownloadView>;
  /** Cancels the download and deletes its files. @throws LaminaError `DOWNLOAD_NOT_FOUND` */
  cancel(id: string): Promise<void>;
  /** Yields the download now and after each change, until it is finished, failed, paused or cancelled. */
  follow(id: string): AsyncIterable<DownloadView>;
  close(): Promise<void>;
}

/** Whether a download makes no progress until somebody acts: finished, failed, paused or cancelled. */
export function isSettled({ state }: DownloadView): boolean {
  return state !== 'queued' && state !== 'active';
}
