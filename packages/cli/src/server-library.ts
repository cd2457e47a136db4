// The library of a server: calls its REST routes and listens to its events for changes.
import type { DownloadRequest, ModelStats, SuggestRequest } from '@lamina/core';
import {
  LaminaError,
  type BackendsView,
  type DownloadableView,
  type DownloadView,
  type HealthView,
  type InstallationView,
  type ModelDetail,
  type ModelsView,
  type RemovalView,
  type SearchView,
  type SuggestionView,
  type ValidationView,
} from '@lamina/core/protocol';
import { isSettled, type InstallProgress, type Library, type SearchRange } from './library.js';
import { ServerClient } from './server-client.js';
import type { ServerLocation } from './server-location.js';

/** Minimum time between two requests for a download of which only the progress changed. */
const progressIntervalMs = 200;
const downloadEvents = ['queued', 'started', 'progress', 'verified', 'finished', 'failed', 'cancelled', 'paused'].map(
  (verb) => `download.${verb}`,
);

interface DownloadEvent {
  readonly type: string;
  readonly download: string;
}

/** Opens the library of a server. */
export function openServer({ url, key }: ServerLocation, signal: AbortSignal): Library {
  return new ServerLibrary(new ServerClient(url, key, signal));
}

class ServerLibrary implements Library {
  readonly isServer = true;

  constructor(private readonly server: ServerClient) {}

  models({ backends } = { backends: false }): Promise<ModelsView> {
    return this.server.request('GET', `/models${backends ? '?backends=true' : ''}`);
  }

  model(name: string, { backends } = { backends: false }): Promise<ModelDetail> {
    return this.server.request('GET', `/models/${encodeURIComponent(name)}${backends ? '?backends=true' : ''}`);
  }

  async stats(): Promise<ModelStats> {
    const { models } = await this.server.request<HealthView>('GET', '/health');
    // Without a key, this route responds with less instead of an error; the next one fails.
    if (models === undefined) await this.models();
    return models!;
  }

  backends(): Promise<BackendsView> {
    return this.server.request('GET', '/backends');
  }

  async installBackend(name: string, onProgress: (progress: InstallProgress) => void): Promise<InstallationView> {
    const done = new AbortController();
    const events = this.server.events<InstallProgress & { backend: string }>(['backend.progress'], done.signal);
    await events.next(); // The stream is open.
    const following = (async () => {
      for await (const event of events) if (event?.backend === name) onProgress(event);
    })().catch(() => undefined); // The installation does not depend on its progress.
    try {
      return await this.server.request('POST', `/backends/${encodeURIComponent(name)}/install`);
    } finally {
      done.abort();
      await following;
    }
  }

  suggest(request: SuggestRequest): Promise<SuggestionView> {
    return this.server.request('POST', '/suggest', request);
  }

  search(text: string, { source, limit }: SearchRange): Promise<SearchView> {
    const query = new URLSearchParams({
      q: text,
      ...(source === undefined ? {} : { source }),
      ...(limit === undefined ? {} : { limit: String(limit) }),
    });
    return this.server.request('GET', `/search?${query.toString()}`);
  }

  validate(names: readonly string[] | undefined): Promise<ValidationView> {
    return this.server.request('POST', '/models/validate', names === undefined ? {} : { models: names });
  }

  async diagnosticsCount(): Promise<number> {
    const { diagnostics = 0 } = await this.server.request<HealthView>('GET', '/health');
    return diagnostics;
  }

  remove(name: string, { files }: { files: boolean }): Promise<RemovalView> {
    return this.server.request('DELETE', `/models/${encodeURIComponent(name)}${files ? '?files=1' : ''}`);
  }

  install(): Promise<ModelDetail> {
    return Promise.reject(
      new LaminaError('NOT_SUPPORTED', {
        message: `The server at ${this.server.url} does not accept uploads. Run this command on its machine without --server; the server will detect the new model.`,
      }),
    );
  }

  downloadable(): Promise<DownloadableView> {
    return this.server.request('GET', '/downloadable');
  }

  download(request: DownloadRequest): Promise<DownloadView> {
    return this.server.request('POST', '/download', request);
  }

  downloads(): Promise<{ downloads: readonly DownloadView[] }> {
    return this.server.request('GET', '/downloads');
  }

  pause(id: string): Promise<DownloadView> {
    return this.server.request('POST', `/downloads/${encodeURIComponent(id)}/pause`);
  }

  resume(id: string): Promise<DownloadView> {
    return this.server.request('POST', `/downloads/${encodeURIComponent(id)}/resume`);
  }

  cancel(id: string): Promise<void> {
    return this.server.request('DELETE', `/downloads/${encodeURIComponent(id)}`);
  }

  async *follow(id: string): AsyncGenerator<DownloadView> {
    let requestedAt = -Infinity;
    for await (const event of this.server.events<DownloadEvent>(downloadEvents)) {
      if (
        event !== undefined &&
        (event.download !== id ||
          (event.type === 'download.progress' && performance.now() - requestedAt < progressIntervalMs))
      )
        continue;
      requestedAt = performance.now();
      const view = await this.server.request<DownloadView>('GET', `/downloads/${encodeURIComponent(id)}`);
      yield view;
      if (isSettled(view)) return;
    }
    this.server.throwUnreachable(new Error('it stopped; the download resumes when the server starts again'));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
