// Keeps the catalog up to date: reads the manifest, scans the disk, watches both, and applies edits one after the other.
import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { EventData } from '../contract/events.js';
import type { EventBus } from '../kernel/event-bus.js';
import { removeTemporaryFiles } from '../kernel/atomic-write.js';
import { reasonOf } from '../kernel/reason.js';
import { unlessShortage } from '../kernel/shortage.js';
import { Catalog } from './catalog.js';
import { ChangeFeed } from './change-feed.js';
import { DiskWatch } from './disk-watch.js';
import { isWithin, type Folders } from './files/folders.js';
import type { HeaderCache } from './headers/header-cache.js';
import { emptyManifest } from './manifest/manifest.js';
import type { ManifestStore } from './manifest/store.js';
import type { Changes, Scanner } from './scanner.js';

/** How long a start waits for the headers of discovered models; later ones are added when they are read. */
const headersMs = 250;

/** What a {@link CatalogUpdater} needs. */
export interface UpdaterParts {
  readonly store: ManifestStore;
  readonly scanner: Scanner;
  readonly folders: Folders;
  readonly headers: HeaderCache;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when the registry is disposed. */
  readonly signal: AbortSignal;
  /** `attached`: beside another process that owns the data directory. */
  readonly mode: Config['mode'];
}

/** The current catalog. */
export class CatalogUpdater {
  readonly feed: ChangeFeed;
  private current = new Catalog(emptyManifest, []);
  private readonly watch: DiskWatch;
  /** The last of the refreshes and edits, which run one after the other. */
  private work: Promise<unknown> = Promise.resolve();
  /** Changes on disk that no catalog shows yet, because the last scan failed. */
  private unapplied: Changes = new Set();
  private pending: { changes: Changes; readonly done: Promise<void> } | undefined;
  private readingHeaders: Promise<void> | undefined;

  constructor(private readonly parts: UpdaterParts) {
    this.feed = new ChangeFeed(parts.events);
    this.watch = new DiskWatch(
      parts.clock,
      parts.log,
      (path) => this.isRelevant(path),
      (paths) => this.refreshInBackground(paths),
    );
  }

  get catalog(): Catalog {
    return this.current;
  }

  /** Builds the first catalog and begins to watch. @throws LaminaError `CONFIG_INVALID` with every problem */
  async load(): Promise<void> {
    const { store, scanner, mode, clock } = this.parts;
    if (store.path !== undefined && mode === 'owner')
      await removeTemporaryFiles(dirname(await realpath(store.path).catch(unlessShortage(store.path))));
    this.current = await this.serial(() => this.scan('all'));
    this.updateWatch();
    if (scanner.unread.length === 0) return;
    if (mode === 'attached') return this.readHeaders(); // A command reads the list once and should see all models.
    let cancel: () => void = () => undefined;
    const timeout = new Promise<void>((resolve) => (cancel = clock.after(headersMs, resolve)));
    await Promise.race([this.readHeaders(), timeout]).finally(cancel);
  }

  /** Applies changes on disk. Calls made while a refresh runs share the next one, so each sees what was written before. */
  refresh(changes: Changes): Promise<void> {
    if (this.pending !== undefined) {
      this.pending.changes = union(this.pending.changes, changes);
      return this.pending.done;
    }
    const done = this.serial(() => {
      const { changes: all } = this.pending!;
      this.pending = undefined;
      return this.apply(all);
    });
    this.pending = { changes, done };
    return done;
  }

  /** Runs an edit, which returns the paths that it changed on disk; `update` applies what others wrote before it. */
  edit(run: (update: () => Promise<void>) => Promise<Iterable<string>>): Promise<void> {
    return this.serial(async () => this.apply(new Set(await run(() => this.apply(new Set())))));
  }

  /** Stops watching and waits for what runs; the signal must be aborted. */
  async dispose(): Promise<void> {
    this.watch.close();
    this.feed.clear();
    await Promise.allSettled([this.work, this.readingHeaders]);
  }

  /** Hidden and unfinished files are not relevant, nor is what lies next to a manifest outside the models directory. */
  private isRelevant(path: string): boolean {
    const { store, folders } = this.parts;
    if (path === store.path) return true;
    const known = folders.has(dirname(path)) ? basename(path) : '.';
    const name = isWithin(folders.root, path) ? path.slice(folders.root.length) : known;
    return !/(^|[\\/])\.|\.(part|tmp)$/.test(name);
  }

  private refreshInBackground(paths: ReadonlySet<string>): void {
    const changes = new Set([...paths].filter((path) => path !== this.parts.store.path));
    this.refresh(changes).catch((error: unknown) => {
      if (this.parts.signal.aborted || LaminaError.is(error, 'CONFIG_INVALID')) return; // `reportInvalid` reported it.
      this.parts.log.error({ err: error }, 'A change on disk could not be applied');
    });
  }

  /** Builds the next catalog. When that fails, the current one stays, and the next attempt includes these changes. */
  private async apply(changes: Changes): Promise<void> {
    this.parts.signal.throwIfAborted();
    const before = this.current;
    this.unapplied = union(this.unapplied, changes);
    const all = this.unapplied;
    try {
      this.current = await this.scan(all);
      this.unapplied = new Set();
    } catch (error) {
      if (LaminaError.is(error, 'CONFIG_INVALID')) this.reportInvalid(error);
      throw error;
    }
    if (all === 'all' || all.size > 0) this.updateWatch();
    this.feed.publish(before, this.current);
    void this.readHeaders();
  }

  /** @throws LaminaError `CONFIG_INVALID` when the manifest is invalid, or the catalog cannot be built */
  private async scan(changes: Changes): Promise<Catalog> {
    const { store, scanner, log, signal } = this.parts;
    try {
      const { manifest, warnings } = await store.read();
      if (manifest !== this.current.manifest) for (const { message, ...place } of warnings) log.warn(place, message);
      return await scanner.scan(manifest, changes, this.current);
    } catch (error) {
      if (LaminaError.is(error) || signal.aborted) throw error;
      const message = `The models cannot be read: ${reasonOf(error)}.`;
      throw new LaminaError('CONFIG_INVALID', { message }, { cause: error });
    }
  }

  private reportInvalid(error: LaminaError<'CONFIG_INVALID'>): void {
    // The event is logged; an error that is not the manifest's has a cause.
    if (error.cause !== undefined)
      this.parts.log.error({ err: error.cause }, 'The models could not be reloaded; the current ones stay');
    this.parts.events.emit('manifest.invalid', { error: error.toWire() as EventData<'manifest.invalid'>['error'] });
  }

  /** Reads the headers of files that discovery waits for, and offers those models. */
  private readHeaders(): Promise<void> {
    this.readingHeaders ??= this.readUnread().finally(() => (this.readingHeaders = undefined));
    return this.readingHeaders;
  }

  private async readUnread(): Promise<void> {
    const { scanner, folders, headers, log, signal } = this.parts;
    const unread = [...scanner.unread];
    if (unread.length === 0 || signal.aborted) return;
    try {
      await Promise.all(unread.map((path) => headers.read(path, folders.disk)));
      await this.refresh(new Set(unread));
      await headers.save();
    } catch (error) {
      if (!signal.aborted) log.error({ reason: reasonOf(error) }, 'Models found on disk could not be read');
    }
  }

  private updateWatch(): void {
    const { store, folders, signal } = this.parts;
    if (signal.aborted) return;
    this.watch.set([...(store.directory === undefined ? [] : [store.directory]), folders.root, ...folders.listed()]);
  }

  private serial<T>(run: () => Promise<T>): Promise<T> {
    const result = this.work.then(run);
    this.work = result.catch(() => undefined);
    return result;
  }
}

function union(a: Changes, b: Changes): Changes {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b]);
}
