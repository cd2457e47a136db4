// What is cheaper to read again than to find out anew: one JSON file, which may be deleted at any time.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../contract/context.js';
import { reasonOf } from '../contract/errors.js';

/** The file of a cache. `Data` is plain. */
export class CacheFile<Data> {
  constructor(
    private readonly file: string,
    /** Data written in another format counts as none. */
    private readonly format: number,
    private readonly log: Logger,
    /** False for one that may not write the file. */
    private readonly lasting: boolean,
  ) {}

  /** What an earlier run wrote; `undefined` when there is none, or it is damaged. */
  async read(): Promise<Data | undefined> {
    const text = await readFile(this.file, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      const { format, data } = JSON.parse(text) as { readonly format: number; readonly data: Data };
      return format === this.format ? data : undefined;
    } catch (error) {
      this.log.info({ file: this.file, reason: reasonOf(error) }, 'A cache is damaged and is made anew');
      return undefined;
    }
  }

  /** Writes in one step. A failure is logged: the next run finds out anew. */
  async write(data: Data): Promise<void> {
    if (!this.lasting) return;
    const temporary = `${this.file}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.file), { recursive: true });
      await writeFile(temporary, JSON.stringify({ format: this.format, data }));
      await rename(temporary, this.file);
    } catch (error) {
      await rm(temporary, { force: true });
      this.log.warn({ file: this.file, reason: reasonOf(error) }, 'A cache cannot be written');
    }
  }
}
