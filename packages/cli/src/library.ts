// What the commands ask: one interface, answered by a Lamina in this process or by a server.
import type { DownloadRequest, ModelStats, SuggestRequest } from '@lamina/core';
import type {
  BackendsView,
  DownloadableView,
  DownloadView,
  ModelDetail,
  ModelsView,
  RemovalView,
  SuggestionView,
  ValidationView,
} from '@lamina/core/protocol';

/**
 * Models and downloads, wherever they are. Every call ends with the signal the library was opened with, and throws
 * LaminaErrors.
 */
export interface Library {
  /** True when a download goes on after the command has ended. */
  readonly outlives: boolean;
  models(): Promise<ModelsView>;
  /** @throws LaminaError `MODEL_NOT_FOUND` */
  model(name: string): Promise<ModelDetail>;
  stats(): Promise<ModelStats>;
  backends(): Promise<BackendsView>;
  /** @throws LaminaError `NO_SUGGESTION`, `REQUEST_INVALID` */
  suggest(request: SuggestRequest): Promise<SuggestionView>;
  /** All models, or those named. @throws LaminaError `MODEL_NOT_FOUND` */
  validate(names: readonly string[] | undefined): Promise<ValidationView>;
  /** @throws LaminaError `MODEL_NOT_FOUND`, `CONFLICT` */
  remove(name: string, options: { readonly files: boolean }): Promise<RemovalView>;
  /**
   * @throws LaminaError `NOT_SUPPORTED` for a server, which takes no files of others; `REQUEST_INVALID`, `CONFLICT`,
   * `DISK_FULL`
   */
  install(name: string, path: string): Promise<ModelDetail>;
  downloadable(): Promise<DownloadableView>;
  /** Begins, or goes on. @throws LaminaError as `Downloads.start` */
  download(request: DownloadRequest): Promise<DownloadView>;
  downloads(): Promise<{ readonly downloads: readonly DownloadView[] }>;
  /** Works after the signal was aborted too. @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` */
  pause(id: string): Promise<DownloadView>;
  /** @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` */
  resume(id: string): Promise<DownloadView>;
  /** Ends it, deletes what was fetched and forgets it. @throws LaminaError `DOWNLOAD_NOT_FOUND` */
  cancel(id: string): Promise<void>;
  /** The download now and whenever it changed; the last one is at rest: finished, failed, paused or cancelled. */
  follow(id: string): AsyncIterable<DownloadView>;
  close(): Promise<void>;
}

/** Whether nothing more will happen to a download by itself. */
export function isAtRest({ state }: DownloadView): boolean {
  return state !== 'queued' && state !== 'active';
}
