// Hears of changes in directories, and tells of them together once it is quiet.
import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../kernel/reason.js';
import type { Clock, Logger } from '../contract/context.js';

const quietMs = 100;
const longestMs = 2_000;
/** The system lends watches sparingly; directories beyond these are looked at when a reload is asked for. */
const mostDirectories = 1_000;

/** One watch over many directories, not over what is below them. */
export class DiskWatch {
  private readonly watchers = new Map<string, FSWatcher>();
  private readonly changed = new Set<string>();
  private firstAt: number | undefined;
  private cancel: (() => void) | undefined;
  private full = false;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
    /** Whether a path is worth telling of. */
    private readonly matters: (path: string) => boolean,
    private readonly settled: (paths: ReadonlySet<string>) => void,
  ) {}

  /** Watches these directories, and no others any longer. */
  set(directories: Iterable<string>): void {
    const wanted = new Set([...directories].slice(0, mostDirectories));
    for (const [directory, watcher] of this.watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.watchers.delete(directory);
    }
    for (const directory of wanted) if (!this.watchers.has(directory)) this.open(directory);
  }

  /** Ends all watches; nothing is told any more. */
  close(): void {
    this.cancel?.();
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private open(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) =>
        this.hear(name === null ? directory : join(directory, name)),
      );
      // A directory that goes away ends its watch; its parent tells of it.
      watcher.on('error', () => this.drop(directory));
      this.watchers.set(directory, watcher);
    } catch (error) {
      if (this.full || (error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.full = true;
      this.log.warn(
        { directory, reason: reasonOf(error) },
        'Some directories cannot be watched; changes there are seen at the next reload',
      );
    }
  }

  private drop(directory: string): void {
    this.watchers.get(directory)?.close();
    this.watchers.delete(directory);
  }

  private hear(path: string): void {
    if (!this.matters(path)) return;
    this.changed.add(path);
    const now = this.clock.now();
    this.firstAt ??= now;
    this.cancel?.();
    this.cancel = this.clock.after(Math.max(0, Math.min(quietMs, this.firstAt + longestMs - now)), () => this.tell());
  }

  private tell(): void {
    const paths = new Set(this.changed);
    this.changed.clear();
    this.firstAt = undefined;
    this.cancel = undefined;
    this.settled(paths);
  }
}
