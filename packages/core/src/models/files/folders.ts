// What the disk holds, listed once and kept until somebody says that it changed; and the models directory's border.
import { open, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, resolve, sep } from 'node:path';
import { wait, type Steps } from '../../kernel/steps.js';
import type { Disk } from './disk.js';
import { pathIn, type Listing, type Named } from './listing.js';

/** The answer of {@link Folders.locate}. */
export interface Location {
  readonly path: string;
  /** What is there; `undefined` for nothing. */
  readonly there: Named | undefined;
  /** Set when the path may not be used: a sentence part that begins with it. */
  readonly refused?: string;
}

type Hearer = (listing: Listing | Promise<Listing>) => void;
/** Directories that are waited for, and who waits. */
type Expected = Map<string, Hearer>;

const theRoot: Named = { kind: 'directory', isLink: false, bytes: 0, modifiedMs: 0 };

/** Directories below, or beside, a models directory. */
export class Folders {
  private readonly listings = new Map<string, Listing | Promise<Listing>>();
  /** Set while the disk is looked at anew. */
  private expected: Expected | undefined;

  constructor(
    readonly root: string,
    private readonly disk: Disk,
  ) {}

  /**
   * Forgets everything and looks at the root, and so many levels below it, anew. What is asked for meanwhile is
   * answered as soon as it is known.
   */
  async renew(depth: number): Promise<void> {
    this.listings.clear();
    const expected = (this.expected ??= new Map<string, Hearer>());
    try {
      await this.disk.walk(this.root, depth, (directory, listing) => {
        this.listings.set(directory, listing);
        expected.get(directory)?.(listing);
        expected.delete(directory);
      });
    } finally {
      this.expected = undefined;
      for (const [directory, resolve] of expected) resolve(this.listAnew(directory));
    }
  }

  /** The names in a directory, if nobody has to wait for them. */
  known(directory: string): Listing | undefined {
    const listing = this.listings.get(directory);
    return listing instanceof Promise ? undefined : listing;
  }

  /** The names in a directory; none when there is no such directory, or it may not be read. */
  list(directory: string): Listing | Promise<Listing> {
    return (
      this.listings.get(directory) ??
      (this.expected === undefined ? this.listAnew(directory) : this.expect(directory, this.expected))
    );
  }

  /** True when a directory was listed. */
  has(directory: string): boolean {
    return this.listings.has(directory);
  }

  /** The directories that were listed. */
  listed(): IterableIterator<string> {
    return this.listings.keys();
  }

  /** Forgets what is known of a path, of the directories above it and of all below it. */
  forget(path: string): void {
    this.listings.delete(dirname(path));
    for (let above = dirname(path); above !== this.root && isWithin(this.root, above); above = dirname(above))
      this.listings.delete(dirname(above));
    if (!this.listings.has(path)) return;
    for (const directory of this.listings.keys()) if (isWithin(path, directory)) this.listings.delete(directory);
  }

  /** What is there; `undefined` for nothing. */
  *look(path: string): Steps<Named | undefined> {
    if (path === this.root) return theRoot;
    const directory = dirname(path);
    const named = (this.known(directory) ?? (yield* wait(this.list(directory)))).get(basename(path));
    return named?.kind === 'nothing' ? undefined : named;
  }

  /**
   * Where a path of the manifest leads. A relative one may not leave the models directory, by symbolic links neither.
   */
  *locate(written: string): Steps<Location> {
    const path = resolveIn(this.root, written);
    if (isAbsolute(written)) return { path, there: yield* this.look(path) };
    const refused = `${written} leads out of the models directory`;
    if (!isWithin(this.root, path)) return { path, there: undefined, refused };
    const there = yield* this.follow(path);
    if (there !== 'link') return { path, there };
    return (yield* wait(this.leadsOut(path)))
      ? { path, there: undefined, refused }
      : { path, there: yield* this.look(path) };
  }

  private expect(directory: string, expected: Expected): Promise<Listing> {
    const listing = new Promise<Listing>((resolve) => expected.set(directory, resolve));
    this.listings.set(directory, listing);
    return listing;
  }

  private listAnew(directory: string): Promise<Listing> {
    const listing = this.disk.list(directory).then((found) => {
      if (this.listings.get(directory) === listing) this.listings.set(directory, found);
      return found;
    });
    this.listings.set(directory, listing);
    // The next who asks tries again.
    listing.catch(() => this.listings.get(directory) === listing && this.listings.delete(directory));
    return listing;
  }

  /** What is at a path below the root, unless it goes through a link, or is one. */
  private *follow(path: string): Steps<Named | undefined | 'link'> {
    let directory = this.root;
    let there: Named | undefined = theRoot;
    while (directory !== path) {
      if (there?.kind !== 'directory') return undefined;
      const from: number = directory.endsWith(sep) ? directory.length : directory.length + 1;
      const to = path.indexOf(sep, from);
      const end = to === -1 ? path.length : to;
      there = (this.known(directory) ?? (yield* wait(this.list(directory)))).get(path.slice(from, end));
      if (there?.isLink === true) return 'link';
      directory = path.slice(0, end);
    }
    return there;
  }

  private async leadsOut(path: string): Promise<boolean> {
    const [root, real] = await Promise.all([realpath(this.root), realpath(path)]).catch(() => []);
    return root !== undefined && real !== undefined && !isWithin(root, real);
  }
}

/** As `resolve`, which takes long to find that there is nothing to be done. */
function resolveIn(directory: string, written: string): string {
  const isNormal = sep === '/' && !/(?:^|\/)\.{0,2}(?:\/|$)/.test(written);
  return isNormal ? pathIn(directory, written) : resolve(directory, written);
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
