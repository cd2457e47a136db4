// A manifest file: reads it and edits it without losing what people write meanwhile.
import { linkSync, renameSync, statSync, type BigIntStats } from 'node:fs';
import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LaminaError } from '../../contract/errors.js';
import { syncDirectory, withTemporaryFile, writeNewFile } from '../../kernel/atomic-write.js';
import { reasonOf } from '../../kernel/reason.js';
import { unlessShortage } from '../../kernel/shortage.js';
import { editText } from './edit.js';
import { EntryKeys } from './entry-keys.js';
import { readManifestText, withEdit, type Edit, type ManifestReading } from './manifest.js';
import { parseManifest } from './parse.js';

const attempts = 10;
const emptyMs = 300;

/** A models.yaml. */
export class ManifestFile {
  private last: { readonly text: string; readonly reading: ManifestReading } | undefined;

  constructor(
    readonly path: string,
    /** Whether the file may be absent, which counts as empty. */
    private readonly optional: boolean,
    private readonly keys = new EntryKeys(),
  ) {}

  /**
   * The manifest as the file is now; the same object when the text is the same.
   * @throws LaminaError `CONFIG_INVALID`
   */
  async read(): Promise<ManifestReading> {
    const text = await this.readText();
    if (text !== '' || this.last === undefined || this.last.text === '') return this.parse(text);
    // Some editors truncate a file before they write it; that must not remove all models.
    await setTimeout(emptyMs);
    return this.parse(await this.readText());
  }

  /**
   * Makes changes in the file as it is now, so that edits made by hand meanwhile stay. Only the changed parts of the
   * text change, in one step.
   * @throws LaminaError `CONFLICT`; the file is unchanged then
   */
  async edit(...edits: readonly Edit[]): Promise<ManifestReading> {
    const target = await realpath(this.path).catch(unlessShortage(this.path));
    for (let attempt = 0; attempt < attempts; attempt++) {
      const before = await stampOf(target);
      const text = await this.readText();
      const reading = await this.readingOf(text, edits);
      const changed = this.propose(text, reading, edits);
      if (changed === text) return reading;
      if (before === absent) await makeDirectory(dirname(target));
      if (await replace(target, changed, before)) return this.parse(changed);
    }
    throw new LaminaError('CONFLICT', {
      message: `${basename(this.path)} keeps changing, so ${changeOf(edits)} could not be written; try again.`,
    });
  }

  private parse(text: string): ManifestReading {
    if (text !== this.last?.text) this.last = { text, reading: parseManifest(text, this.path, this.keys) };
    return this.last.reading;
  }

  private async readText(): Promise<string> {
    if (this.optional && (await stampOf(this.path)) === absent) return '';
    return readManifestText(this.path);
  }

  private propose(text: string, reading: ManifestReading, edits: readonly Edit[]): string {
    let [proposed, { manifest }] = [text, reading];
    for (const edit of edits) {
      const next = editText(proposed, manifest, edit);
      if (next === undefined)
        throw new LaminaError('CONFLICT', {
          message: `The entry "${edit.name}" of ${basename(this.path)} cannot be changed without changing others: it shares an anchor with them, or is written in an unusual way. Change it by hand.`,
        });
      [proposed, manifest] = [next, withEdit(manifest, edit)];
    }
    return proposed;
  }

  /**
   * The manifest that an edit changes. If the file was made invalid by hand, it stays as it is, and its last valid
   * version is written next to it with the edit.
   */
  private async readingOf(text: string, edits: readonly Edit[]): Promise<ManifestReading> {
    try {
      return this.parse(text);
    } catch (cause) {
      if (!LaminaError.is(cause, 'CONFIG_INVALID') || this.last === undefined) throw cause;
      const copy = `${this.path}.lamina`;
      await replace(copy, this.propose(this.last.text, this.last.reading, edits), undefined);
      throw new LaminaError(
        'CONFLICT',
        {
          message: `${basename(this.path)} has problems since it was changed by hand, so ${changeOf(edits)} is not written into it; the version with it is ${basename(copy)}. The first problem: ${reasonOf(cause)}`,
          problems: cause.details['problems'],
        },
        { cause },
      );
    }
  }
}

function changeOf(edits: readonly Edit[]): string {
  return edits.length === 1 ? `"${edits[0]!.name}"` : 'the change';
}

const absent = 'absent';

/** What changes whenever a file is written or replaced. */
async function stampOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return stampIn(stats);
}

function stampIn(stats: BigIntStats | undefined): string {
  return stats === undefined ? absent : [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}

/** The models directory of a manifest that is new. @throws LaminaError `CONFLICT` */
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw new LaminaError('CONFLICT', { message: `${path} cannot be created: ${reasonOf(cause)}.` }, { cause });
  });
}

/** Replaces a file in one step; false when the file is no longer as `before` says. */
async function replace(path: string, text: string, before: string | undefined): Promise<boolean> {
  try {
    return await withTemporaryFile(path, async (temporary) => {
      await writeNewFile(temporary, text, { durable: true });
      const mode = await stat(path).then((stats) => stats.mode, unlessShortage(undefined));
      if (mode !== undefined) await chmod(temporary, mode & 0o7777);
      // Synchronously: an edit by hand between the check and the rename would be lost, and while a thread of the pool is
      // awaited, that can be milliseconds instead of microseconds.
      if (before !== undefined && stampIn(statSync(path, { bigint: true, throwIfNoEntry: false })) !== before)
        return false;
      if (before !== absent) renameSync(temporary, path);
      // A link fails where a rename would overwrite a manifest that was created just now.
      else linkSync(temporary, path);
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
