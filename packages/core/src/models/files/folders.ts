// The directories of models at one moment, each listed once; and the border of the models directory.
import { readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, resolve, sep } from 'node:path';
import { unlessShortage } from '../../kernel/shortage.js';
import { listDirectory, type DirectoryEntry, type Disk, type Listing } from './disk.js';

/** The answer of {@link Folders.locate}. */
export interface Location {
  readonly path: string;
  /** `undefined` when nothing is there. */
  readonly entry: DirectoryEntry | undefined;
  /** Set when the path may not be used: a sentence part that begins with it. */
  readonly refused?: string;
}

const rootEntry: DirectoryEntry = { kind: 'directory', isLink: false, bytes: 0, modifiedMs: 0 };

/** Listings of directories in, or outside, a models directory, made as they are needed. For one scan. */
export class Folders {
  private readonly listings = new Map<string, Promise<Listing>>();

  constructor(
    readonly root: string,
    readonly disk: Disk,
    /** The environment that paths of the manifest may use. */
    readonly env: Readonly<Record<string, string | undefined>> = {},
  ) {}

  /** Lists a directory; empty when it does not exist or may not be read. */
  list(directory: string): Promise<Listing> {
    let listing = this.listings.get(directory);
    if (listing === undefined) {
      listing = this.disk.run(() => listDirectory(directory));
      this.listings.set(directory, listing);
    }
    return listing;
  }

  /** The directories that were listed. */
  get listed(): readonly string[] {
    return [...this.listings.keys()];
  }

  /** What is at a path; `undefined` for nothing. */
  async entry(path: string): Promise<DirectoryEntry | undefined> {
    if (path === this.root) return rootEntry;
    const entry = (await this.list(dirname(path))).get(basename(path));
    return entry?.kind === 'nothing' ? undefined : entry;
  }

  /** Why nothing can be found at a path: a sentence part that follows it. */
  whyAbsent(path: string): Promise<string> {
    return this.disk.run(() => whyAbsent(path));
  }

  /** The path without links; `undefined` when it leads nowhere. */
  realPath(path: string): Promise<string | undefined> {
    return this.disk.run(() => realpath(path).catch(unlessShortage(undefined)));
  }

  /**
   * Where a path of the manifest leads. A relative one may not leave the models directory by `..`; links in it are
   * followed wherever they lead, because whoever made them could write the absolute path as well.
   */
  async locate(written: string): Promise<Location> {
    const path = resolve(this.root, written);
    if (!isAbsolute(written) && !isWithin(this.root, path))
      return { path, entry: undefined, refused: `${written} leads out of the models directory` };
    return { path, entry: await this.entry(path) };
  }
}

async function whyAbsent(path: string): Promise<string> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (!(found instanceof Error)) return 'is no file, or is in a folder that this user may not list';
  if (found.code === 'ELOOP') return 'is a symbolic link that leads back to itself';
  if (found.code === 'EACCES') return 'cannot be read: this user has no permission';
  const isLink = await readlink(path).then(() => true, unlessShortage(false));
  return isLink ? 'is a symbolic link to a file that does not exist' : 'does not exist';
}

/** True when `path` is `directory` or below it; both absolute. */
export function isWithin(directory: string, path: string): boolean {
  if (path === directory) return true;
  return path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
