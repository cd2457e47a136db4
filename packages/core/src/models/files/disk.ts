// Lists directories, and limits how many file system calls are made at once.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dirent } from 'node:fs';
import pLimit from 'p-limit';
import { abortable } from '../../kernel/abort.js';
import { unlessShortage } from '../../kernel/shortage.js';

/** The size and time of a file when it was read. */
export interface FileVersion {
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** What a name in a directory is, links followed; `nothing` for a broken link. A directory has 0 bytes. */
export interface DirectoryEntry extends FileVersion {
  readonly kind: 'file' | 'directory' | 'nothing';
  readonly isLink: boolean;
}

/** The entries of a directory by name, sorted. */
export type Listing = ReadonlyMap<string, DirectoryEntry>;

/** Limits how many file system calls are made at once, so that a disk that hangs does not take all threads of libuv. */
export class Disk {
  private readonly limit;

  constructor(
    maxCalls: number,
    private readonly signal: AbortSignal,
  ) {
    this.limit = pLimit(maxCalls);
  }

  /**
   * Runs `work` when it is its turn; it must make one file system call at a time.
   * @throws the signal's reason as soon as it is aborted, even if a call hangs
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.limit(() => {
      this.signal.throwIfAborted();
      return abortable(work(), this.signal);
    });
  }
}

/**
 * Lists a directory; empty when it does not exist or may not be read. Sockets, pipes and devices are left out.
 * @throws errors of a shortage: files must not seem to be missing when file descriptors run out
 */
export async function listDirectory(path: string): Promise<Listing> {
  const found = await readdir(path, { withFileTypes: true }).catch(unlessShortage<Dirent[]>([]));
  const entries = new Map<string, DirectoryEntry>();
  for (const dirent of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const entry = await entryOf(path, dirent);
    if (entry !== undefined) entries.set(dirent.name, entry);
  }
  return entries;
}

async function entryOf(directory: string, dirent: Dirent): Promise<DirectoryEntry | undefined> {
  const isLink = dirent.isSymbolicLink();
  if (dirent.isDirectory()) return { kind: 'directory', isLink, bytes: 0, modifiedMs: 0 };
  if (!isLink && !dirent.isFile()) return undefined;
  const stats = await stat(join(directory, dirent.name)).catch(unlessShortage(undefined));
  if (stats?.isFile() === true) return { kind: 'file', isLink, bytes: stats.size, modifiedMs: stats.mtimeMs };
  return { kind: stats?.isDirectory() === true ? 'directory' : 'nothing', isLink, bytes: 0, modifiedMs: 0 };
}
