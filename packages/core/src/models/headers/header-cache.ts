// Caches the headers of files by path, size and time, on disk too: at the next start no header is read twice.
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../../contract/context.js';
import { writeFileAtomic } from '../../kernel/atomic-write.js';
import { reasonOf } from '../../kernel/reason.js';
import { unlessShortage } from '../../kernel/shortage.js';
import type { Disk, FileVersion } from '../files/disk.js';
import type { FileHeader } from './file-header.js';
import { readHeader } from './read-header.js';

const mostFiles = 10_000;
/** Increase it when the shape of a cached header changes, or what it says. */
const version = 6;

/** A file with its header. */
export interface KnownFile extends FileVersion {
  readonly header: FileHeader;
}

interface CacheContent {
  readonly version: number;
  readonly files: readonly (readonly [path: string, file: KnownFile])[];
}

/** Reads headers, each once. */
export class HeaderCache {
  private readonly known = new Map<string, KnownFile>();
  private loading: Promise<void> | undefined;
  private changed = false;

  constructor(
    private readonly file: string,
    private readonly log: Logger,
    /** False when another process owns the data directory: the file is only read. */
    private readonly writable: boolean,
  ) {}

  /** Loads the headers of the last run. */
  load(): Promise<void> {
    this.loading ??= this.loadFile();
    // A shortage passes: the next call tries again.
    this.loading.catch(() => (this.loading = undefined));
    return this.loading;
  }

  /** A file in this version, if its header is cached; call `load` before. */
  peek(path: string, { bytes, modifiedMs }: FileVersion): KnownFile | undefined {
    const known = this.known.get(path);
    return known?.bytes === bytes && known.modifiedMs === modifiedMs ? known : undefined;
  }

  /** A file as it is now; one that cannot be read has 0 bytes. */
  async read(path: string, disk: Disk): Promise<KnownFile> {
    await this.load();
    return disk.run(async () => {
      try {
        const { size: bytes, mtimeMs: modifiedMs } = await stat(path);
        const known = this.peek(path, { bytes, modifiedMs });
        return known ?? this.keep(path, { bytes, modifiedMs, header: await readHeader(path, bytes) });
      } catch (error) {
        const broken = `it cannot be read: ${reasonOf(error)}`;
        return { bytes: 0, modifiedMs: 0, header: { broken, unreadable: true } };
      }
    });
  }

  /** Writes the cache if it changed. A failure is logged: the next run reads the headers again. */
  async save(): Promise<void> {
    if (!this.changed || !this.writable) return;
    this.changed = false;
    const files = [...this.known].slice(-mostFiles);
    try {
      await mkdir(dirname(this.file), { recursive: true });
      await writeFileAtomic(this.file, JSON.stringify({ version, files } satisfies CacheContent));
    } catch (error) {
      this.log.warn({ file: this.file, reason: reasonOf(error) }, 'A cache cannot be written');
    }
  }

  private async loadFile(): Promise<void> {
    const text = await readFile(this.file, 'utf8').catch(unlessShortage(''));
    if (text === '') return;
    try {
      const content = JSON.parse(text) as CacheContent;
      if (content.version === version) for (const [path, file] of content.files) this.known.set(path, file);
    } catch (error) {
      this.log.info({ file: this.file, reason: reasonOf(error) }, 'The cache is corrupt; rebuilding it');
    }
  }

  private keep(path: string, file: KnownFile): KnownFile {
    if (file.header.unreadable === true) return file;
    this.known.delete(path); // So that the newest are last.
    this.known.set(path, file);
    this.changed = true;
    return file;
  }
}
