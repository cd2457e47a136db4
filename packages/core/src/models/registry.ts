// What `lamina.models` is: looks models up in the current catalog, edits the manifest, installs and removes files.
import { setMaxListeners } from 'node:events';
import { resolve } from 'node:path';
import pLimit from 'p-limit';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { Contribution, ExtensionPoints } from '../contract/extensions.js';
import type { Manifest, ManifestEntries, ModelEntry } from '../contract/manifest.js';
import type {
  Diagnostic,
  InstallOptions,
  Model,
  ModelCheck,
  ModelMetadata,
  ModelRecord,
  Models,
  ModelsChange,
  ModelStats,
  RemovedModel,
  ResolvedModel,
} from '../contract/models.js';
import { abortable } from '../kernel/abort.js';
import type { Problem } from '../kernel/check.js';
import type { EventBus } from '../kernel/event-bus.js';
import { freeze } from '../kernel/freeze.js';
import type { Hooks } from '../kernel/hooks.js';
import { CatalogUpdater } from './catalog-updater.js';
import type { Catalog } from './catalog.js';
import { checkModel } from './files/check.js';
import { describeFiles } from './files/describe.js';
import { Disk } from './files/disk.js';
import { Folders } from './files/folders.js';
import { installFiles } from './files/install.js';
import { removeFiles } from './files/remove.js';
import { KnownMetadata } from './known-metadata.js';
import { EntryKeys } from './manifest/entry-keys.js';
import { additionsTo, checkEntry } from './manifest/store.js';

/** Starts of models use one of libuv's four threads, which a disk that hangs does not take from scans or requests. */
const startCalls = 1;
/** Models that `validate` checks at once; it must stop soon when its caller cancels. */
const checksAtOnce = 16;

/** The models of the manifest and those that are discovered. Call `load` once before anything else. */
export class ModelRegistry implements Models {
  private readonly closing = new AbortController();
  private readonly entryKeys = new EntryKeys();
  private readonly modelsDir: string;
  private readonly startDisk = new Disk(startCalls, this.closing.signal);
  private readonly updater: CatalogUpdater;
  private readonly known: KnownMetadata;

  constructor(
    private readonly config: Config,
    events: EventBus,
    hooks: Hooks,
    clock: Clock,
    private readonly log: Logger,
  ) {
    setMaxListeners(0, this.closing.signal); // Every operation listens to it.
    this.modelsDir = resolve(config.modelsDir);
    this.updater = new CatalogUpdater(config, this.entryKeys, events, hooks, clock, log, this.closing.signal);
    this.known = new KnownMetadata((record) => this.readMetadata(record));
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
    return this.catalog.stats();
  }

  diagnostics(names?: readonly string[]): readonly Diagnostic[] {
    return this.updater.diagnostics.list(names?.map((name) => this.catalog.find(name)?.model.name ?? name));
  }

  /** Adds the check of backends and options to the diagnostics. Call it before `load`. */
  checkBackendsWith(check: () => readonly Problem[]): void {
    this.updater.diagnostics.checkBackends = check;
  }

  /** Adds the keys of entries that plugins contribute. Call it before `load`. @throws LaminaError `PLUGIN_INVALID` */
  addEntryKeys(contributions: readonly Contribution<ExtensionPoints['modelEntry']>[]): void {
    this.entryKeys.add(contributions);
  }

  async describe(name: string): Promise<Model> {
    const { model, available } = this.catalog.require(name);
    if (!available) return model;
    if (model.of !== undefined) {
      const { metadata } = await this.describe(model.of);
      return metadata === undefined ? model : freeze({ ...model, metadata: { ...metadata, ...model.metadata } });
    }
    const folders = new Folders(this.modelsDir, this.startDisk);
    const { metadata, broken } = await describeFiles(model, folders, this.updater.headers);
    if (broken === undefined)
      return Object.freeze({ ...model, metadata: Object.freeze({ ...metadata, ...model.metadata }) });
    this.log.warn({ model: model.name, reason: broken }, 'The metadata of a model cannot be read');
    await this.updater.refresh();
    return this.catalog.get(model.name)?.model ?? model;
  }

  async metadata(options: { signal?: AbortSignal } = {}): Promise<ReadonlyMap<string, ModelMetadata>> {
    const signal = this.untilClosed(options.signal);
    try {
      return await this.known.of(this.catalog, signal);
    } catch (error) {
      throw new LaminaError('ABORTED', {}, { cause: error });
    }
  }

  async validate(names?: readonly string[], options: { signal?: AbortSignal } = {}): Promise<readonly ModelCheck[]> {
    const { catalog } = this;
    const { disk, headers } = this.updater;
    const records = names === undefined ? catalog.records : names.map((name) => catalog.require(name));
    const signal = this.untilClosed(options.signal);
    const folders = new Folders(this.modelsDir, disk, this.config.env);
    const check = (record: ModelRecord) => checkModel(record, catalog, folders, headers, signal);
    try {
      return await abortable(pLimit(checksAtOnce).map(records, check), signal);
    } catch (error) {
      throw signal.aborted ? new LaminaError('ABORTED', {}, { cause: error }) : error;
    } finally {
      void headers.save();
    }
  }

  async save(name: string, entry: ModelEntry): Promise<ModelRecord> {
    checkEntry(this.manifest, name, entry, this.entryKeys);
    await this.updater.edit(() => this.updater.store.edit({ name, entry }));
    return this.catalog.get(name)!;
  }

  async add(entries: ManifestEntries): Promise<void> {
    await this.updater.edit(async (update) => {
      await update();
      await this.updater.store.edit(...additionsTo(this.manifest, entries, this.entryKeys));
    });
  }

  async install(name: string, path: string, options: InstallOptions = {}): Promise<ModelRecord> {
    const known = this.catalog.get(name);
    if (known?.available === true)
      throw new LaminaError('CONFLICT', {
        message: `The model "${name}" is already here. Remove it first, or choose another name.`,
      });
    const before = known?.model.from === 'manifest' ? known.entry : {};
    checkEntry(this.manifest, name, { ...before, ...options.entry }, this.entryKeys);
    const installed = await installFiles({
      name,
      source: resolve(path),
      written: before.path,
      env: this.config.env,
      modelsDir: this.modelsDir,
      disk: this.updater.disk,
      mode: options.mode ?? 'link',
      signal: this.untilClosed(options.signal),
    });
    await this.updater.edit(async () => {
      const entry = { ...before, ...options.entry, path: installed.path };
      await this.updater.store.edit({ name, entry }).catch(async (error: unknown) => {
        await installed.undo();
        throw error;
      });
    });
    return this.catalog.get(name)!;
  }

  async remove(name: string, options: { files?: boolean } = {}): Promise<RemovedModel> {
    let removed: Omit<RemovedModel, 'remaining'> = { deleted: [], kept: [] };
    const paths = new Set<string>();
    await this.updater.edit(async (update) => {
      // An entry that was just written by hand may use the same files.
      if (options.files === true) await update();
      const { model } = this.catalog.require(name);
      for (const { path } of model.files) paths.add(path);
      if (model.from === 'manifest') await this.updater.store.edit({ name: model.name, entry: undefined });
      else if (options.files !== true) throw notInManifest(model.name);
      if (options.files === true) removed = await removeFiles(model, this.catalog.records, this.modelsDir);
    });
    await this.updater.readHeaders(); // Files that no entry names any more may be discovered now.
    const remaining = this.catalog.records.filter(({ model }) => model.files.some(({ path }) => paths.has(path)));
    return { ...removed, remaining: remaining.map(({ model }) => model.name) };
  }

  onChange(listener: (change: ModelsChange) => void): () => void {
    return this.updater.onChange(listener);
  }

  /** Calls made while a reload runs share the next one, so each sees what was written before it. */
  reload(): Promise<void> {
    return this.updater.refresh();
  }

  /** Cancels what runs, stops watching and removes all listeners. */
  async dispose(): Promise<void> {
    this.closing.abort(new LaminaError('SHUTTING_DOWN', {}));
    await this.updater.dispose();
  }

  private get catalog(): Catalog {
    return this.updater.catalog;
  }

  /** On the disk of scans: a list must not take the place of a start. */
  private async readMetadata({ model }: ModelRecord): Promise<ModelMetadata | undefined> {
    const { disk, headers } = this.updater;
    if (model.of !== undefined) return this.readMetadata(this.catalog.require(model.of));
    const { metadata } = await describeFiles(model, new Folders(this.modelsDir, disk), headers);
    return metadata && Object.freeze({ ...metadata, ...model.metadata });
  }

  private untilClosed(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.closing.signal : AbortSignal.any([signal, this.closing.signal]);
  }
}

function notInManifest(name: string): LaminaError {
  const message = `The model "${name}" is not in the manifest: it is found on disk. Remove it with its files, or move them away.`;
  return new LaminaError('CONFLICT', { message });
}
