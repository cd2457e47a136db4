// The manifest of one Lamina: reads it where it is, and changes it there without harm.
import { chmod, link, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LaminaError } from '../../contract/errors.js';
import { reasonOf } from '../../kernel/reason.js';
import { syncDirectory, withTemporaryFile, writeNewFile } from '../../kernel/atomic-write.js';
import { readManifestText, type Edit } from './manifest.js';
import type { ManifestMemory } from './memory.js';
import { ManifestReader, type TextReading } from './reader.js';

const attempts = 10;
const emptyMs = 300;

/** A models.yaml. What it reads it remembers, so that a hand edit costs only what was edited. */
export class ManifestFile {
  private readonly reader: ManifestReader;
  private text: string | undefined;
  private reading: TextReading | undefined;

  constructor(
    readonly path: string,
    /** Whether it may be absent, and then counts as empty. */
    private readonly optional: boolean,
    private readonly memory: ManifestMemory,
  ) {
    this.reader = new ManifestReader(path);
  }

  /**
   * The manifest as the file is now; the same object when the text is the same.
   * @throws LaminaError `CONFIG_INVALID`
   */
  async read(): Promise<TextReading> {
    const text = await this.readText();
    if (text !== '' || this.text === undefined || this.text === '') return this.take(text);
    // Some editors empty a file before they write it: nobody means to lose all models by that.
    await setTimeout(emptyMs);
    return this.take(await this.readText());
  }

  /**
   * Makes a change in the file as it is now, so that edits made by hand meanwhile stay. Only what is changed changes in
   * the text.
   * @throws LaminaError `CONFLICT`; the file is as it was then
   */
  async edit(edit: Edit): Promise<TextReading> {
    const target = await realpath(this.path).catch(() => this.path);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const before = await stampOf(target);
      const text = await this.readText();
      const reading = await this.take(text).catch((error: unknown) => this.refuse(edit, error));
      const changed = await this.propose(text, reading, edit);
      if (changed === text) return reading;
      if (await replace(target, changed, before)) return this.take(changed);
    }
    throw new LaminaError('CONFLICT', {
      message: `${basename(this.path)} changes all the time, so that "${edit.name}" could not be written into it; try again.`,
    });
  }

  /** Remembers how the manifest was read, for the next run. */
  async close(): Promise<void> {
    if (this.reading !== undefined) await this.memory.remember(this.reading);
  }

  private async take(text: string): Promise<TextReading> {
    if (text === this.text && this.reading !== undefined) return this.reading;
    const reading = await (this.text === undefined
      ? this.reader.parse(text, (whole) => this.memory.recall(whole))
      : this.reader.parse(text));
    this.text = text;
    this.reading = reading;
    return reading;
  }

  private async readText(): Promise<string> {
    if (this.optional && (await stampOf(this.path)) === absent) return '';
    return readManifestText(this.path);
  }

  private async propose(text: string, reading: TextReading, edit: Edit): Promise<string> {
    const { editText } = await import('./edit.js'); // And yaml with it, which reading seldom needs.
    const proposed = await editText(this.reader, text, reading, edit);
    if (proposed !== undefined) return proposed;
    throw new LaminaError('CONFLICT', {
      message: `The entry "${edit.name}" of ${basename(this.path)} cannot be changed without changing others: it shares an anchor with them, or is written in an unusual way. Change it by hand.`,
    });
  }

  /**
   * The file was made invalid by hand: it stays as it is, and what Lamina would have made of its last good version is
   * put beside it.
   */
  private async refuse(edit: Edit, cause: unknown): Promise<never> {
    if (!LaminaError.is(cause, 'CONFIG_INVALID') || this.text === undefined || this.reading === undefined) throw cause;
    const beside = `${this.path}.lamina`;
    await replace(beside, await this.propose(this.text, this.reading, edit), undefined);
    throw new LaminaError(
      'CONFLICT',
      {
        message: `${basename(this.path)} has problems since it was changed by hand, so "${edit.name}" is not written into it; the version with it is ${basename(beside)}. The first problem: ${reasonOf(cause)}`,
        problems: cause.details['problems'],
      },
      { cause },
    );
  }
}

const absent = 'absent';

/** What changes whenever a file is written or replaced. */
async function stampOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return stats === undefined ? absent : [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}

/**
 * Puts a new text in place of a file in one step, unless the file is no longer as `before` says; the answer is false
 * then.
 */
async function replace(path: string, text: string, before: string | undefined): Promise<boolean> {
  try {
    return await withTemporaryFile(path, async (temporary) => {
      await writeNewFile(temporary, text, { durable: true });
      const mode = await stat(path).then(
        (stats) => stats.mode,
        () => undefined,
      );
      if (mode !== undefined) await chmod(temporary, mode & 0o7777);
      if (before !== undefined && (await stampOf(path)) !== before) return false;
      if (before !== absent) await rename(temporary, path);
      // A link fails where a rename would overwrite: somebody may have written the first manifest just now.
      else await link(temporary, path);
      await syncDirectory(dirname(path));
      return true;
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new LaminaError(
      'CONFLICT',
      { message: `${basename(path)} cannot be written: ${reasonOf(error)}. Nothing was changed.` },
      { cause: error },
    );
  }
}
