// The library of a server: its REST routes, and its events to know when to ask again.
import type { DownloadRequest, ModelStats, SuggestRequest } from '@lamina/core';
import {
  LaminaError,
  type BackendsView,
  type DownloadableView,
  type DownloadView,
  type HealthView,
  type ModelDetail,
  type ModelsView,
  type RemovalView,
  type SuggestionView,
  type ValidationView,
} from '@lamina/core/protocol';
import { isAtRest, type Library } from './library.js';
import type { ServerClient } from './server-client.js';

/** Between two looks at a download of which only its progress changed. */
const pauseMs = 200;
const changes = ['queued', 'started', 'progress', 'verified', 'finished', 'failed', 'cancelled', 'paused'].map(
  (verb) => `download.${verb}`,
);

interface DownloadEvent {
  readonly type: string;
  readonly download: string;
}

/** The library behind a server. */
export class ServerLibrary implements Library {
  readonly outlives = true;

  constructor(private readonly server: ServerClient) {}

  models(): Promise<ModelsView> {
    return this.server.ask('GET', '/models');
  }

  model(name: string): Promise<ModelDetail> {
    return this.server.ask('GET', `/models/${encodeURIComponent(name)}`);
  }

  async stats(): Promise<ModelStats> {
    const { models } = await this.server.ask<HealthView>('GET', '/health');
    // The one route that answers, with less, whoever has no key.
    if (models === undefined) await this.models();
    return models!;
  }

  backends(): Promise<BackendsView> {
    return this.server.ask('GET', '/backends');
  }

  suggest(request: SuggestRequest): Promise<SuggestionView> {
    return this.server.ask('POST', '/suggest', request);
  }

  validate(names: readonly string[] | undefined): Promise<ValidationView> {
    return this.server.ask('POST', '/models/validate', names === undefined ? {} : { models: names });
  }

  remove(name: string, { files }: { files: boolean }): Promise<RemovalView> {
    return this.server.ask('DELETE', `/models/${encodeURIComponent(name)}${files ? '?files=1' : ''}`);
  }

  install(): Promise<ModelDetail> {
    return Promise.reject(
      new LaminaError('NOT_SUPPORTED', {
        message: `The server at ${this.server.url} takes no files from elsewhere: run this on its machine without --server, and it will see the model.`,
      }),
    );
  }

  downloadable(): Promise<DownloadableView> {
    return this.server.ask('GET', '/downloadable');
  }

  download(request: DownloadRequest): Promise<DownloadView> {
    return this.server.ask('POST', '/download', request);
  }

  downloads(): Promise<{ downloads: readonly DownloadView[] }> {
    return this.server.ask('GET', '/downloads');
  }

  pause(id: string): Promise<DownloadView> {
    return this.server.ask('POST', `/downloads/${encodeURIComponent(id)}/pause`);
  }

  resume(id: string): Promise<DownloadView> {
    return this.server.ask('POST', `/downloads/${encodeURIComponent(id)}/resume`);
  }

  cancel(id: string): Promise<void> {
    return this.server.ask('DELETE', `/downloads/${encodeURIComponent(id)}`);
  }

  async *follow(id: string): AsyncGenerator<DownloadView> {
    let askedAt = -Infinity;
    for await (const event of this.server.events<DownloadEvent>(changes)) {
      if (
        event !== undefined &&
        (event.download !== id || (event.type === 'download.progress' && performance.now() - askedAt < pauseMs))
      )
        continue;
      askedAt = performance.now();
      const view = await this.server.ask<DownloadView>('GET', `/downloads/${encodeURIComponent(id)}`);
      yield view;
      if (isAtRest(view)) return;
    }
    this.server.lost(new Error('it ended; the download goes on when it is started again'));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
