// What `lamina.models` is: looks models up in the current catalog, edits the manifest, installs and removes files.
import { setMaxListeners } from 'node:events';
import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { Manifest, ModelEntry } from '../contract/manifest.js';
import type {
  InstallOptions,
  Model,
  ModelCheck,
  ModelRecord,
  Models,
  ModelsChange,
  ModelStats,
  RemovedModel,
  ResolvedModel,
} from '../contract/models.js';
import { abortable } from '../kernel/abort.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { CatalogUpdater } from './catalog-updater.js';
import type { Catalog } from './catalog.js';
import { checkModel } from './files/check.js';
import { describeFiles } from './files/describe.js';
import { Disk } from './files/disk.js';
import { Folders } from './files/folders.js';
import { installFiles } from './files/install.js';
import { removeFiles } from './files/remove.js';
import { HeaderCache } from './headers/header-cache.js';
import { checkEntry, openManifest, type ManifestStore } from './manifest/store.js';
import { Scanner } from './scanner.js';

/**
 * Scans use two of libuv's four threads and starts of models one more: a disk that hangs leaves one thread to requests.
 */
const scanCalls = 2;
const startCalls = 1;
/** Models that `validate` checks at once; it must stop soon when its caller cancels. */
const checksAtOnce = 16;

/** The models of the manifest and those that are discovered. Call `load` once before anything else. */
export class ModelRegistry implements Models {
  private readonly closing = new AbortController();
  private readonly modelsDir: string;
  private readonly store: ManifestStore;
  private readonly startDisk = new Disk(startCalls, this.closing.signal);
  private readonly folders: Folders;
  private readonly headers: HeaderCache;
  private readonly updater: CatalogUpdater;

  constructor(
    config: Config,
    events: EventBus,
    hooks: Hooks,
    clock: Clock,
    private readonly log: Logger,
  ) {
    const { signal } = this.closing;
    setMaxListeners(0, signal); // Every operation listens to it.
    this.modelsDir = resolve(config.modelsDir);
    this.store = openManifest(config.manifest, this.modelsDir);
    this.folders = new Folders(this.modelsDir, new Disk(scanCalls, signal));
    const cacheFile = join(resolve(config.dataDir), 'file-headers.cache');
    this.headers = new HeaderCache(cacheFile, log, config.mode === 'owner');
    this.updater = new CatalogUpdater({
      store: this.store,
      scanner: new Scanner(this.folders, this.headers, hooks, events, { signal, log }),
      folders: this.folders,
      headers: this.headers,
      events,
      clock,
      log,
      signal,
      mode: config.mode,
    });
  }

  get manifest(): Manifest {
    return this.catalog.manifest;
  }

  /**
   * Reads the manifest for the first time and begins to watch.
   * @throws LaminaError `CONFIG_INVALID` with every problem
   */
  load(): Promise<void> {
    return this.updater.load();
  }

  list(): readonly ModelRecord[] {
    return this.catalog.records;
  }

  get(name: string): ModelRecord | undefined {
    return this.catalog.get(name);
  }

  resolve(name: string): ResolvedModel {
    return this.catalog.resolve(name);
  }

  adaptersOf(name: string): readonly Model[] {
    return this.catalog.adaptersOf(name);
  }

  stats(): ModelStats {
    return this.catalog.stats;
  }

  async describe(name: string): Promise<Model> {
    const { model } = this.catalog.resolve(name);
    if (this.catalog.get(model.name)?.available !== true) return model;
    const { metadata, broken } = await describeFiles(model, this.folders, this.headers, this.startDisk);
    if (broken === undefined)
      return Object.freeze({ ...model, metadata: Object.freeze({ ...metadata, ...model.metadata }) });
    this.log.warn({ model: model.name, reason: broken }, 'The metadata of a model cannot be read');
    await this.updater.refresh(new Set(model.files.map(({ path }) => path)));
    return this.catalog.get(model.name)?.model ?? model;
  }

  async validate(names?: readonly string[], options: { signal?: AbortSignal } = {}): Promise<readonly ModelCheck[]> {
    const { catalog } = this;
    const records =
      names === undefined ? catalog.records : names.map((name) => catalog.get(catalog.resolve(name).model.name)!);
    const signal = this.untilClosed(options.signal);
    const folders = new Folders(this.modelsDir, this.folders.disk);
    const check = (record: ModelRecord) => checkModel(record, catalog, folders, this.headers, signal);
    try {
      return await abortable(pLimit(checksAtOnce).map(records, check), signal);
    } catch (error) {
      throw signal.aborted ? new LaminaError('ABORTED', {}, { cause: error }) : error;
    } finally {
      void this.headers.save();
    }
  }

  async save(name: string, entry: ModelEntry): Promise<ModelRecord> {
    checkEntry(this.manifest, name, entry);
    await this.updater.edit(async () => {
      await this.store.edit({ name, entry });
      return [];
    });
    return this.catalog.get(name)!;
  }

  async install(name: string, path: string, options: InstallOptions = {}): Promise<ModelRecord> {
    const known = this.catalog.get(name);
    if (known?.available === true)
      throw new LaminaError('CONFLICT', {
        message: `The model "${name}" is already here. Remove it first, or choose another name.`,
      });
    const before = known?.model.from === 'manifest' ? known.entry : {};
    checkEntry(this.manifest, name, { ...before, ...options.entry });
    const installed = await installFiles({
      name,
      source: resolve(path),
      written: before.path,
      modelsDir: this.modelsDir,
      disk: this.folders.disk,
      mode: options.mode ?? 'link',
      signal: this.untilClosed(options.signal),
    });
    await this.updater.edit(async () => {
      const entry = { ...before, ...options.entry, path: installed.path };
      await this.store.edit({ name, entry }).catch(async (error: unknown) => {
        await installed.undo();
        throw error;
      });
      return installed.changed;
    });
    return this.catalog.get(name)!;
  }

  async remove(name: string, options: { files?: boolean } = {}): Promise<RemovedModel> {
    let removed: RemovedModel = { deleted: [], kept: [] };
    await this.updater.edit(async (update) => {
      // An entry that was just written by hand may use the same files.
      if (options.files === true) await update();
      const { model } = this.catalog.resolve(name);
      if (model.from === 'manifest') await this.store.edit({ name: model.name, entry: undefined });
      else if (options.files !== true) throw notInManifest(model.name);
      if (options.files === true) removed = await removeFiles(model, this.catalog.records, this.modelsDir);
      return removed.deleted;
    });
    return removed;
  }

  onChange(listener: (change: ModelsChange) => void): () => void {
    return this.updater.feed.on(listener);
  }

  /** Calls made while a reload runs share the next one, so each sees what was written before it. */
  reload(): Promise<void> {
    return this.updater.refresh('all');
  }

  /** Cancels what runs, stops watching and removes all listeners. */
  async dispose(): Promise<void> {
    this.closing.abort(new LaminaError('SHUTTING_DOWN', {}));
    await this.updater.dispose();
    await this.headers.save();
  }

  private get catalog(): Catalog {
    return this.updater.catalog;
  }

  private untilClosed(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.closing.signal : AbortSignal.any([signal, this.closing.signal]);
  }
}

function notInManifest(name: string): LaminaError {
  const message = `The model "${name}" is not in the manifest: it is found on disk. Remove it with its files, or move them away.`;
  return new LaminaError('CONFLICT', { message });
}
