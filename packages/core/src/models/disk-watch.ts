// Watches directories and reports changes together, once no more follow.
import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../kernel/reason.js';
import type { Clock, Logger } from '../contract/context.js';

const quietMs = 100;
const longestMs = 2_000;
/** The system limits watches; directories beyond these are read only by a reload. */
const mostDirectories = 1_000;

/** Watches many directories, each without its subdirectories. */
export class DiskWatch {
  private readonly watchers = new Map<string, FSWatcher>();
  private firstAt: number | undefined;
  private cancel: (() => void) | undefined;
  private full = false;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
    /** Whether a path is reported. */
    private readonly isRelevant: (path: string) => boolean,
    private readonly onChanges: () => void,
  ) {}

  /** Watches these directories and stops watching all others. */
  set(directories: Iterable<string>): void {
    const wanted = new Set([...directories].slice(0, mostDirectories));
    for (const [directory, watcher] of this.watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.watchers.delete(directory);
    }
    for (const directory of wanted) if (!this.watchers.has(directory)) this.open(directory);
  }

  /** Stops watching; nothing is reported any more. */
  close(): void {
    this.cancel?.();
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private open(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) =>
        this.onEvent(name === null ? directory : join(directory, name)),
      );
      // The watch of a removed directory fails; its parent reports the change.
      watcher.on('error', () => this.drop(directory));
      this.watchers.set(directory, watcher);
    } catch (error) {
      if (this.full || (error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.full = true;
      this.log.warn(
        { directory, reason: reasonOf(error) },
        'Some directories cannot be watched; changes in them are seen at the next reload',
      );
    }
  }

  private drop(directory: string): void {
    this.watchers.get(directory)?.close();
    this.watchers.delete(directory);
  }

  private onEvent(path: string): void {
    if (!this.isRelevant(path)) return;
    const now = this.clock.now();
    this.firstAt ??= now;
    this.cancel?.();
    this.cancel = this.clock.after(Math.max(0, Math.min(quietMs, this.firstAt + longestMs - now)), () => this.flush());
  }

  private flush(): void {
    this.firstAt = undefined;
    this.cancel = undefined;
    this.onChanges();
  }
}
