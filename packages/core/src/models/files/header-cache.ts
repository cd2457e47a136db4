// Remembers what files told, by path, size and time, from one run to the next: no header is read twice.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { reasonOf } from '../../contract/errors.js';
import type { Logger } from '../../contract/context.js';
import { readFacts, type FileFacts } from './facts.js';
import { stat } from './folders.js';

const format = 1;
const mostFiles = 50_000;

/** The state of a file when its facts were read. */
export interface FileVersion {
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** A file with what it told. */
export interface KnownFile extends FileVersion {
  readonly facts: FileFacts;
}

/** What stands in the file. Chat templates are long and shared by many models: they are kept once. */
interface Stored {
  readonly format: number;
  readonly templates: readonly string[];
  readonly files: readonly (readonly [path: string, bytes: number, modifiedMs: number, facts: FileFacts, template: number])[];
}

/** Facts about files, read lazily, kept on disk. */
export class HeaderCache {
  private readonly known = new Map<string, KnownFile>();
  private readonly reading = new Map<string, Promise<KnownFile>>();
  private changed = false;

  constructor(
    private readonly file: string,
    private readonly log: Logger,
    /** False for one that may not write the file. */
    private readonly lasting = true,
  ) {}

  /** Reads what an earlier run knew; a file that is damaged, or of another version, counts as none. */
  async load(): Promise<void> {
    const text = await readFile(this.file, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    try {
      const stored = JSON.parse(text) as Stored;
      if (stored.format === format) for (const [path, bytes, modifiedMs, facts, template] of stored.files) this.known.set(path, { bytes, modifiedMs, facts: withTemplate(facts, stored.templates[template]) });
    } catch (error) {
      this.known.clear();
      this.log.info({ file: this.file, reason: reasonOf(error) }, 'The cache of file headers is damaged and is made anew');
    }
  }

  /** A file in this version, if it is known; does not touch the disk. */
  peek(path: string, { bytes, modifiedMs }: FileVersion): KnownFile | undefined {
    const known = this.known.get(path);
    return known?.bytes === bytes && known.modifiedMs === modifiedMs ? known : undefined;
  }

  /** A file as it is now; one that cannot be read has 0 bytes. @throws the signal's reason */
  async read(path: string, signal: AbortSignal): Promise<KnownFile> {
    const stats = await stat(path).catch(reasonOf);
    if (typeof stats === 'string') return { bytes: 0, modifiedMs: 0, facts: { broken: `it cannot be read: ${stats}`, unreadable: true } };
    const version = { bytes: stats.size, modifiedMs: stats.mtimeMs };
    return this.peek(path, version) ?? this.readOnce(path, version, signal);
  }

  /** Writes what is known, if anything is new. A failure is logged: the next run reads the headers again. */
  async save(): Promise<void> {
    if (!this.changed || !this.lasting) return;
    this.changed = false;
    const temporary = `${this.file}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.file), { recursive: true });
      await writeFile(temporary, JSON.stringify(this.stored()));
      await rename(temporary, this.file);
    } catch (error) {
      await rm(temporary, { force: true });
      this.log.warn({ file: this.file, reason: reasonOf(error) }, 'The cache of file headers cannot be written');
    }
  }

  private readOnce(path: string, version: FileVersion, signal: AbortSignal): Promise<KnownFile> {
    const key = `${version.bytes} ${version.modifiedMs} ${path}`;
    const under = this.reading.get(key);
    if (under !== undefined) return under;
    const reading = readFacts(path, signal)
      .then((facts) => this.keep(path, { ...version, facts }))
      .finally(() => this.reading.delete(key));
    this.reading.set(key, reading);
    return reading;
  }

  private keep(path: string, file: KnownFile): KnownFile {
    if (file.facts.unreadable === true) return file;
    this.known.delete(path);
    this.known.set(path, file);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= mostFiles) break;
      this.known.delete(oldest);
    }
    this.changed = true;
    return file;
  }

  private stored(): Stored {
    const templates = new Map<string, number>();
    const files = [...this.known].map(([path, { bytes, modifiedMs, facts }]) => {
      const template = facts.metadata?.chatTemplate;
      if (template !== undefined && !templates.has(template)) templates.set(template, templates.size);
      return [path, bytes, modifiedMs, withTemplate(facts, undefined), template === undefined ? -1 : templates.get(template)!] as const;
    });
    return { format, templates: [...templates.keys()], files };
  }
}

function withTemplate(facts: FileFacts, chatTemplate: string | undefined): FileFacts {
  if (facts.metadata === undefined || facts.metadata.chatTemplate === chatTemplate) return facts;
  const { chatTemplate: _before, ...metadata } = facts.metadata;
  return { ...facts, metadata: chatTemplate === undefined ? metadata : { ...metadata, chatTemplate } };
}
