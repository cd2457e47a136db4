// The library of this machine: a Lamina in this process, closed when the command ends.
import { resolve } from 'node:path';
import {
  backendsView,
  downloadView,
  installationView,
  metadataOf,
  modelDetail,
  modelRuns,
  modelsView,
  searchView,
  suggestionView,
  validationView,
  type DownloadRequest,
  type Lamina,
  type ModelRecord,
} from '@lamina/core';
import type { DownloadView, ModelDetail } from '@lamina/core/protocol';
import { setTimeout as delay } from 'node:timers/promises';
import { AsyncSignal } from './async-signal.js';
import { openLamina, type Flags, type LaminaOpening } from './local-lamina.js';
import { isSettled, type InstallProgress, type Library, type SearchRange } from './library.js';

const followMs = 500;

/**
 * Opens it: as owner for a command that downloads.
 * @throws LaminaError what `openLamina` throws
 */
export async function openLocal(flags: Flags, owner: boolean, opening: LaminaOpening): Promise<Library> {
  const { lamina } = await openLamina(flags, owner ? 'owner' : 'attached', opening);
  return owner ? new LocalLibrary(lamina, opening.signal) : new AttachedLibrary(lamina, opening.signal);
}

class LocalLibrary implements Library {
  readonly isServer = false;

  constructor(
    private readonly lamina: Lamina,
    protected readonly signal: AbortSignal,
  ) {}

  async models({ backends } = { backends: false }) {
    const records = this.lamina.models.list();
    return modelsView(this.lamina, records, backends ? await this.runsOf(records) : undefined);
  }

  async model(name: string, { backends } = { backends: false }): Promise<ModelDetail> {
    const { models } = this.lamina;
    const target = models.resolve(name);
    const record = models.get(target.model.name)!;
    const metadata = await metadataOf(this.lamina, target);
    const run = backends ? (await this.runsOf([record])).get(record.model.name) : undefined;
    return modelDetail(this.lamina, record, metadata, run);
  }

  private runsOf(records: readonly ModelRecord[]) {
    return modelRuns(this.lamina, records, { signal: this.signal });
  }

  stats() {
    return Promise.resolve(this.lamina.models.stats());
  }

  async backends() {
    return backendsView(await this.lamina.backends.list({ signal: this.signal }));
  }

  async installBackend(name: string, onProgress: (progress: InstallProgress) => void) {
    return installationView(await this.lamina.backends.install(name, { signal: this.signal, onProgress }));
  }

  async suggest(request: Parameters<Library['suggest']>[0]) {
    return suggestionView(this.lamina, await this.lamina.suggestions.suggest(request, { signal: this.signal }));
  }

  async search(text: string, range: SearchRange) {
    return searchView(await this.lamina.downloads.search(text, { ...range, signal: this.signal }));
  }

  async validate(names: readonly string[] | undefined) {
    const { models } = this.lamina;
    return validationView(await models.validate(names, { signal: this.signal }), models.diagnostics(names));
  }

  diagnosticsCount() {
    return Promise.resolve(this.lamina.models.diagnostics().length);
  }

  async remove(name: string, options: { files: boolean }) {
    const removed = this.lamina.models.resolve(name).model.name;
    return { removed, ...(await this.lamina.models.remove(removed, options)) };
  }

  async install(name: string, path: string): Promise<ModelDetail> {
    await this.lamina.models.install(name, path, { signal: this.signal });
    return this.model(name);
  }

  downloadable() {
    return Promise.resolve({ models: this.lamina.downloads.downloadable() });
  }

  async download(request: DownloadRequest): Promise<DownloadView> {
    return downloadView(await this.lamina.downloads.start(resolveReference(request), { signal: this.signal }));
  }

  downloads() {
    return Promise.resolve({ downloads: this.lamina.downloads.list().map(downloadView) });
  }

  async pause(id: string): Promise<DownloadView> {
    return downloadView(await this.lamina.downloads.pause(id));
  }

  async resume(id: string): Promise<DownloadView> {
    return downloadView(await this.lamina.downloads.resume(id));
  }

  cancel(id: string): Promise<void> {
    return this.lamina.downloads.remove(id);
  }

  async *follow(id: string): AsyncGenerator<DownloadView> {
    const { downloads, events } = this.lamina;
    const changed = new AsyncSignal();
    const unsubscribe = events.onAny((event) => {
      if ('download' in event && event.download === id) changed.notify();
    });
    try {
      for (;;) {
        const view = downloadView(downloads.get(id));
        yield view;
        if (isSettled(view)) return;
        await changed.wait(this.signal);
      }
    } finally {
      unsubscribe();
    }
  }

  close(): Promise<void> {
    return this.lamina.close({ signal: this.signal });
  }
}

/** Beside the owner of the data directory, whose downloads it reads from the disk every second. */
class AttachedLibrary extends LocalLibrary {
  /** Ends also when the owner has finished or removed the download. The speed is the average since the call. */
  override async *follow(id: string): AsyncGenerator<DownloadView> {
    let first: DownloadView | undefined;
    for (const startedAt = performance.now(); ; await delay(followMs, undefined, { signal: this.signal })) {
      const { downloads } = await this.downloads();
      const view = downloads.find((download) => download.id === id);
      if (view === undefined) return;
      first ??= view;
      const seconds = (performance.now() - startedAt) / 1000;
      yield { ...view, bytes_per_second: Math.round((view.done - first.done) / Math.max(seconds, 1)) };
      if (isSettled(view)) return;
    }
  }
}

/** Resolves a path that begins with a dot in the working directory; core would resolve it in the models directory. */
function resolveReference(request: DownloadRequest): DownloadRequest {
  const { reference } = request as { reference?: unknown };
  return typeof reference === 'string' && /^\.\.?[\\/]/.test(reference)
    ? { ...request, reference: resolve(reference) }
    : request;
}
