// Keeps the catalog up to date: reads the manifest, scans the disk, watches both, and applies edits one after the other.
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import pLimit from 'p-limit';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { EventData } from '../contract/events.js';
import type { ModelRecord, ModelsChange } from '../contract/models.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { removeTemporaryFiles } from '../kernel/atomic-write.js';
import { reasonOf } from '../kernel/reason.js';
import { unlessShortage } from '../kernel/shortage.js';
import { Catalog, difference } from './catalog.js';
import { CatalogDiagnostics } from './catalog-diagnostics.js';
import { DiskWatch } from './disk-watch.js';
import { Disk } from './files/disk.js';
import { isWithin } from './files/folders.js';
import { HeaderCache } from './headers/header-cache.js';
import type { EntryKeys } from './manifest/entry-keys.js';
import { emptyManifest, type ManifestReading } from './manifest/manifest.js';
import { openManifest, type ManifestStore } from './manifest/store.js';
import { Scanner } from './scanner.js';

/** How long a start waits for the headers of discovered models; later ones are added when they are read. */
const headersMs = 250;
/** Scans use two of libuv's four threads: a disk that hangs leaves the others to requests. */
const scanCalls = 2;

/** The current catalog. */
export class CatalogUpdater {
  catalog = new Catalog(emptyManifest, []);
  readonly store: ManifestStore;
  readonly disk: Disk;
  readonly headers: HeaderCache;
  readonly diagnostics: CatalogDiagnostics;
  private readonly modelsDir: string;
  private readonly scanner: Scanner;
  private readonly watch: DiskWatch;
  private readonly listeners = new Set<(change: ModelsChange) => void>();
  /** Runs refreshes and edits one after the other. */
  private readonly serial = pLimit(1);
  private nextRefresh: Promise<void> | undefined;
  private readingHeaders: Promise<void> | undefined;

  constructor(
    private readonly config: Config,
    keys: EntryKeys,
    private readonly events: EventBus,
    hooks: Hooks,
    private readonly clock: Clock,
    private readonly log: Logger,
    /** Aborted when the registry is disposed. */
    private readonly signal: AbortSignal,
  ) {
    this.modelsDir = resolve(config.modelsDir);
    this.store = openManifest(config.manifest, this.modelsDir, keys);
    this.disk = new Disk(scanCalls, signal);
    this.diagnostics = new CatalogDiagnostics(keys, log);
    const cacheFile = join(resolve(config.dataDir), 'file-headers.cache');
    this.headers = new HeaderCache(cacheFile, log, config.mode === 'owner');
    this.scanner = new Scanner(this.modelsDir, this.disk, config.env, this.headers, hooks, events, { signal, log });
    const isRelevant = (path: string) => this.isRelevant(path);
    this.watch = new DiskWatch(clock, log, isRelevant, () => this.refreshInBackground());
  }

  /** Builds the first catalog and begins to watch. @throws LaminaError `CONFIG_INVALID` with every problem */
  async load(): Promise<void> {
    const { path } = this.store;
    if (path !== undefined && this.config.mode === 'owner')
      await removeTemporaryFiles(dirname(await realpath(path).catch(unlessShortage(path))));
    await this.serial(() => this.rebuild());
    if (this.scanner.unread.length === 0) return;
    if (this.config.mode === 'attached') return this.readHeaders(); // A command reads the list once and should see all models.
    let cancel: () => void = () => undefined;
    const timeout = new Promise<void>((done) => (cancel = this.clock.after(headersMs, done)));
    await Promise.race([this.readHeaders(), timeout]).finally(cancel);
  }

  /** Applies what changed. Calls made while a refresh runs share the next one, so each sees what was written before. */
  refresh(): Promise<void> {
    this.nextRefresh ??= this.serial(() => {
      this.nextRefresh = undefined;
      return this.apply();
    });
    return this.nextRefresh;
  }

  /** Runs an edit and applies it; `update` applies what others wrote before it. */
  edit(run: (update: () => Promise<void>) => Promise<unknown>): Promise<void> {
    return this.serial(async () => {
      await run(() => this.apply());
      await this.apply();
    });
  }

  /** Adds a listener; the returned function removes it. */
  onChange(listener: (change: ModelsChange) => void): () => void {
    const own = (change: ModelsChange) => listener(change);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  /** Stops watching and waits for what runs; the signal must be aborted. */
  async dispose(): Promise<void> {
    this.watch.close();
    this.listeners.clear();
    await this.serial(() => undefined);
    await this.readingHeaders;
    await this.headers.save();
  }

  /** Hidden and unfinished files are not relevant, nor is what lies next to a manifest outside the models directory. */
  private isRelevant(path: string): boolean {
    if (path === this.store.path) return true;
    const known = this.scanner.directories.includes(dirname(path)) ? basename(path) : '.';
    const name = isWithin(this.modelsDir, path) ? path.slice(this.modelsDir.length) : known;
    return !/(^|[\\/])\.|\.(part|tmp)$/.test(name);
  }

  private refreshInBackground(): void {
    this.refresh().catch((error: unknown) => {
      if (this.signal.aborted || LaminaError.is(error, 'CONFIG_INVALID')) return; // `reportInvalid` reported it.
      this.log.error({ err: error }, 'A change on disk could not be applied');
    });
  }

  /** Builds the next catalog. When that fails, the current one stays. */
  private async apply(): Promise<void> {
    this.signal.throwIfAborted();
    const before = this.catalog;
    try {
      await this.rebuild();
    } catch (error) {
      if (LaminaError.is(error, 'CONFIG_INVALID')) this.reportInvalid(error);
      throw error;
    }
    this.publish(before);
    void this.readHeaders();
  }

  /**
   * Replaces the catalog by that of the manifest and the disk as they are now.
   * @throws LaminaError `CONFIG_INVALID` when the manifest is invalid, or the catalog cannot be built
   */
  private async rebuild(): Promise<void> {
    const reading = await this.scan();
    this.updateWatch();
    this.diagnostics.update(reading, this.catalog, this.scanner);
  }

  private async scan(): Promise<ManifestReading> {
    try {
      const reading = await this.store.read();
      const records = await this.scanner.scan(reading.manifest);
      this.catalog = new Catalog(
        reading.manifest,
        records.map((record) => this.keepEqual(record)),
      );
      return reading;
    } catch (error) {
      if (LaminaError.is(error) || this.signal.aborted) throw error;
      const message = `The models cannot be read: ${reasonOf(error)}.`;
      throw new LaminaError('CONFIG_INVALID', { message }, { cause: error });
    }
  }

  /** An unchanged record stays the same object: others then see that by identity. */
  private keepEqual(record: ModelRecord): ModelRecord {
    const before = this.catalog.get(record.model.name);
    return isDeepStrictEqual(before, record) ? before! : record;
  }

  private reportInvalid(error: LaminaError<'CONFIG_INVALID'>): void {
    this.diagnostics.refuse(error);
    // The event is logged; an error that is not the manifest's has a cause.
    if (error.cause !== undefined)
      this.log.error({ err: error.cause }, 'The models could not be reloaded; the current ones stay');
    this.events.emit('manifest.invalid', { error: error.toWire() as EventData<'manifest.invalid'>['error'] });
  }

  /** Publishes what changed, if anything did: as events, and to the listeners. */
  private publish(before: Catalog): void {
    const change = difference(before, this.catalog);
    const { added, changed, removed } = change;
    const isEdited = before.manifest !== this.catalog.manifest;
    if (added.length + changed.length + removed.length === 0 && !isEdited) return;
    if (isEdited)
      this.events.emit('manifest.changed', { added: [...added], changed: [...changed], removed: [...removed] });
    for (const model of added) this.events.emit('model.discovered', { model });
    for (const model of changed) this.events.emit('model.updated', { model });
    for (const model of removed) this.events.emit('model.removed', { model });
    for (const listener of [...this.listeners]) listener(change);
  }

  /** Reads the headers of files that discovery waits for, and offers those models. */
  readHeaders(): Promise<void> {
    this.readingHeaders ??= this.readUnread().finally(() => (this.readingHeaders = undefined));
    return this.readingHeaders;
  }

  private async readUnread(): Promise<void> {
    const { unread } = this.scanner;
    if (unread.length === 0 || this.signal.aborted) return;
    try {
      await Promise.all(unread.map((path) => this.headers.read(path, this.disk)));
      await this.refresh();
      await this.headers.save();
    } catch (error) {
      if (!this.signal.aborted) this.log.error({ reason: reasonOf(error) }, 'Models found on disk could not be read');
    }
  }

  private updateWatch(): void {
    if (this.signal.aborted) return;
    const { path } = this.store;
    this.watch.set([...(path === undefined ? [] : [dirname(path)]), this.modelsDir, ...this.scanner.directories]);
  }
}
