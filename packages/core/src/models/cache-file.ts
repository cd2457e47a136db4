// What is cheaper to read again than to find out anew: a file that may be deleted at any time.
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../contract/context.js';
import { reasonOf } from '../kernel/reason.js';
import { writeFileAtomic } from '../kernel/atomic-write.js';
import { Slices } from './slices.js';

/** The file of a cache: a line that tells what its items are good for, then the items, plain data, as JSON. */
export class CacheFile<Item> {
  constructor(
    private readonly file: string,
    private readonly log: Logger,
    /** False for one that may not write the file. */
    private readonly lasting: boolean,
  ) {}

  /** The items an earlier run wrote for the same; none when there are none, or the file is damaged. */
  async read(goodFor: string): Promise<readonly Item[]> {
    const text = await readFile(this.file, 'utf8').catch(() => '');
    if (!text.startsWith(`${goodFor}\n`)) return [];
    try {
      return JSON.parse(text.slice(goodFor.length)) as readonly Item[];
    } catch (error) {
      this.log.info({ file: this.file, reason: reasonOf(error) }, 'A cache is damaged and is made anew');
      return [];
    }
  }

  /** Writes in one step, without holding others up. A failure is logged: the next run finds out anew. */
  async write(goodFor: string, items: Iterable<Item>): Promise<void> {
    if (!this.lasting) return;
    try {
      await mkdir(dirname(this.file), { recursive: true });
      await writeFileAtomic(this.file, `${goodFor}\n[${(await linesOf(items)).join(',\n')}]`);
    } catch (error) {
      this.log.warn({ file: this.file, reason: reasonOf(error) }, 'A cache cannot be written');
    }
  }
}

async function linesOf(items: Iterable<unknown>): Promise<readonly string[]> {
  const lines: string[] = [];
  const slices = new Slices();
  for (const item of items) {
    lines.push(JSON.stringify(item));
    if (slices.over) await slices.pause();
  }
  return lines;
}
