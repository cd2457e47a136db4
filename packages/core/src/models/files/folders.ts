// What the disk holds, listed once and kept until somebody says that it changed; and the models directory's border.
import { readdir as readdirWithCallback, readdirSync, stat as statWithCallback, statSync, type Dirent, type Stats } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';

// The same calls of node:fs/promises cost twice the time, which shows with 10,000 models.
const readdir = promisify(readdirWithCallback);
/** What stands at a path, links followed. */
export const stat = promisify(statWithCallback);

/** The kind of a name in a directory; a link is not followed. */
export type Kind = 'file' | 'directory' | 'link';

/** The names in a directory, sorted. */
export type Listing = ReadonlyMap<string, Kind>;

/** What stands at a path, links followed. */
export type Found = { readonly kind: 'file'; readonly bytes: number; readonly modifiedMs: number } | { readonly kind: 'directory' };

/** The answer of {@link Folders.locate}. */
export interface Location {
  readonly path: string;
  /** Set when the path may not be used: a sentence part that begins with it. */
  readonly refused?: string;
}

const nothing: Listing = new Map();

/** A disk may take this long for an answer, and this much longer in all, before it counts as slow. */
const answerMs = 0.2;
const patienceMs = 50;

/** Directories below, or beside, a models directory. */
export class Folders {
  private readonly listings = new Map<string, Promise<Listing>>();
  /**
   * Set while nobody is served: the disk is then asked without giving way in between, which takes a third of the time. It unsets itself
   * when the disk is slow, such as one on a network.
   */
  hurry = false;
  private lateMs = 0;

  constructor(readonly root: string) {}

  /** The names in a directory; none when there is no such directory, or it may not be read. */
  list(directory: string): Promise<Listing> {
    const known = this.listings.get(directory);
    if (known !== undefined) return known;
    const listing = this.readdir(directory).then(listingOf);
    this.listings.set(directory, listing);
    return listing;
  }

  /** True when a directory was listed. */
  has(directory: string): boolean {
    return this.listings.has(directory);
  }

  /** The directories that were listed. */
  listed(): IterableIterator<string> {
    return this.listings.keys();
  }

  /** Forgets what is known of a path, of the directories above it and of all below it; without one, everything. */
  forget(path?: string): void {
    if (path === undefined) return this.listings.clear();
    this.listings.delete(dirname(path));
    for (let above = dirname(path); above !== this.root && isWithin(this.root, above); above = dirname(above)) this.listings.delete(dirname(above));
    if (!this.listings.has(path)) return;
    for (const directory of this.listings.keys()) if (isWithin(path, directory)) this.listings.delete(directory);
  }

  /** What is there. A directory is believed to be what its listing says; of a file the size is asked each time. */
  async look(path: string): Promise<Found | undefined> {
    const kind = path === this.root ? 'directory' : (await this.list(dirname(path))).get(basename(path));
    if (kind === undefined || kind === 'directory') return kind && { kind };
    const stats = await this.stat(path);
    if (stats?.isFile() === true) return { kind: 'file', bytes: stats.size, modifiedMs: stats.mtimeMs };
    return stats?.isDirectory() === true ? { kind: 'directory' } : undefined;
  }

  /** Where a path of the manifest leads. A relative one may not leave the models directory, by symbolic links neither. */
  async locate(written: string): Promise<Location> {
    if (isAbsolute(written)) return { path: resolve(written) };
    const path = resolve(this.root, written);
    if (isWithin(this.root, path) && !((await this.crossesLink(path)) && (await this.leadsOut(path)))) return { path };
    return { path, refused: `${written} leads out of the models directory` };
  }

  private async readdir(directory: string): Promise<readonly Dirent[]> {
    if (!this.hurry) return readdir(directory, { withFileTypes: true }).catch(() => []);
    return this.timed(() => readdirSync(directory, { withFileTypes: true })) ?? [];
  }

  private async stat(path: string): Promise<Stats | undefined> {
    if (!this.hurry) return stat(path).catch(() => undefined);
    return this.timed(() => statSync(path, { throwIfNoEntry: false }));
  }

  private timed<Answer>(ask: () => Answer): Answer | undefined {
    const began = performance.now();
    try {
      return ask();
    } catch {
      return undefined;
    } finally {
      this.lateMs = Math.max(0, this.lateMs + performance.now() - began - answerMs);
      if (this.lateMs > patienceMs) this.hurry = false;
    }
  }

  private async crossesLink(path: string): Promise<boolean> {
    let directory = this.root;
    for (const name of relative(this.root, path).split(sep)) {
      const kind = (await this.list(directory)).get(name);
      if (kind !== 'directory') return kind === 'link';
      directory = join(directory, name);
    }
    return false;
  }

  private async leadsOut(path: string): Promise<boolean> {
    const [root, real] = await Promise.all([realpath(this.root), realpath(path)]).catch(() => []);
    return root !== undefined && real !== undefined && !isWithin(root, real);
  }
}

function listingOf(entries: readonly Dirent[]): Listing {
  const kinds = entries.flatMap((entry): [string, Kind][] => {
    if (entry.isFile()) return [[entry.name, 'file']];
    if (entry.isDirectory()) return [[entry.name, 'directory']];
    return entry.isSymbolicLink() ? [[entry.name, 'link']] : [];
  });
  return kinds.length === 0 ? nothing : new Map(kinds.length === 1 ? kinds : kinds.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The first bytes of a file; fewer when it has fewer. */
export async function firstBytes(path: string, count: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** True when `path` is `directory` or below it; both absolute. */
export function isWithin(directory: string, path: string): boolean {
  if (path === directory) return true;
  return path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
