// The library in this process: a Lamina of its own, closed when the command ends.
import { resolve } from 'node:path';
import {
  backendsView,
  createLamina,
  downloadView,
  LaminaError,
  loadConfig,
  modelDetail,
  modelsView,
  suggestionView,
  validationView,
  type DownloadRequest,
  type Lamina,
  type LaminaOptions,
} from '@lamina/core';
import type { DownloadView, ModelDetail } from '@lamina/core/protocol';
import { Bell } from './bell.js';
import { isAtRest, type Library } from './library.js';

/** Which Lamina: what the command line says. */
export interface LocalOptions {
  readonly config?: string;
  readonly manifest?: string;
  readonly modelsDir?: string;
  readonly dataDir?: string;
  readonly verbose?: boolean;
}

/** How it is opened. */
export interface LocalOpening {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As the owner, who alone may fetch; otherwise attached, beside a server that runs here. */
  readonly owner: boolean;
  readonly signal: AbortSignal;
}

/**
 * @throws LaminaError what `createLamina` throws; `CONFLICT` names --server when the models directory has an owner
 * already
 */
export async function openLocal(options: LocalOptions, { env, owner, signal }: LocalOpening): Promise<Library> {
  const { manifest, modelsDir, dataDir } = options;
  const { server: _server, ...written } = await loadConfig<LaminaOptions & { server?: unknown }>(options.config);
  const said = Object.fromEntries(
    Object.entries({ manifest, modelsDir, dataDir }).filter(([, value]) => value !== undefined),
  ) as LaminaOptions;
  const log = options.verbose === true ? 'info' : 'silent';
  // Only what is asked for is fetched: what else is unfinished waits for a server, or for its own command.
  const lamina = await createLamina(
    {
      env,
      ...written,
      ...said,
      log,
      mode: owner ? 'owner' : 'attached',
      downloads: { ...written.downloads, resume: false },
    },
    signal,
  ).catch((error: unknown) => {
    throw LaminaError.is(error, 'CONFLICT') && error.details['pid'] !== undefined ? owned(error) : error;
  });
  return new LocalLibrary(lamina, signal);
}

function owned(error: LaminaError): LaminaError {
  const { data_dir: dataDir, pid } = error.details;
  const message = `A Lamina that runs already, process ${String(pid)}, fetches for ${String(dataDir)}: ask it with --server <url>, or stop it first.`;
  return new LaminaError('CONFLICT', { ...error.details, message }, { cause: error });
}

class LocalLibrary implements Library {
  readonly outlives = false;

  constructor(
    private readonly lamina: Lamina,
    private readonly signal: AbortSignal,
  ) {}

  models() {
    return Promise.resolve(modelsView(this.lamina, this.lamina.models.list()));
  }

  async model(name: string): Promise<ModelDetail> {
    const { models } = this.lamina;
    const record = models.get(models.resolve(name).model.name)!;
    const { metadata } = await models.describe(record.model.name);
    return modelDetail(this.lamina, record, metadata);
  }

  stats() {
    return Promise.resolve(this.lamina.models.stats());
  }

  async backends() {
    return backendsView(await this.lamina.backends.list({ signal: this.signal }));
  }

  async suggest(request: Parameters<Library['suggest']>[0]) {
    return suggestionView(this.lamina, await this.lamina.suggestions.suggest(request, { signal: this.signal }));
  }

  async validate(names: readonly string[] | undefined) {
    return validationView(await this.lamina.models.validate(names, { signal: this.signal }));
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
    return downloadView(await this.lamina.downloads.start(fromHere(request), { signal: this.signal }));
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
    const bell = new Bell();
    const stop = events.onAny((event) => {
      if ('download' in event && event.download === id) bell.ring();
    });
    try {
      for (;;) {
        const view = downloadView(downloads.get(id));
        yield view;
        if (isAtRest(view)) return;
        await bell.rung(this.signal);
      }
    } finally {
      stop();
    }
  }

  close(): Promise<void> {
    return this.lamina.close({ signal: this.signal });
  }
}

/**
 * A path that begins with a dot is meant from where the command is typed; core would take it from the models directory.
 */
function fromHere(request: DownloadRequest): DownloadRequest {
  const { reference } = request as { reference?: unknown };
  return typeof reference === 'string' && /^\.\.?[\\/]/.test(reference)
    ? { ...request, reference: resolve(reference) }
    : request;
}
