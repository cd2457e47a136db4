// Remembers what files told, by path, size and time, from one run to the next: no header is read twice.
import type { CacheFile } from '../cache-file.js';
import type { Disk, FileVersion, KnownFile } from './disk.js';
import type { FileFacts } from './file-facts.js';

const mostFiles = 50_000;

/** Goes up when what is kept of a file changes. */
const goodFor = 'file headers 2';

/**
 * A file; or a chat template: they are long and shared by many models, so each stands once, before the files that have
 * it by its number.
 */
export type RememberedFile =
  string | readonly [path: string, bytes: number, modifiedMs: number, facts: FileFacts, template: number];

/** Facts about files, read lazily, kept on disk. */
export class HeaderCache {
  private readonly known = new Map<string, KnownFile>();
  private loading: Promise<void> | undefined;
  private changed = false;
  private saving: Promise<void> = Promise.resolve();

  constructor(
    private readonly file: CacheFile<RememberedFile>,
    private readonly disk: Disk,
  ) {}

  /** Reads what an earlier run knew, once; call it before `peek`. Many starts need none of it. */
  load(): Promise<void> {
    return (this.loading ??= this.loadNow());
  }

  /** A file in this version, if it is known; does not touch the disk. */
  peek(path: string, { bytes, modifiedMs }: FileVersion): KnownFile | undefined {
    const known = this.known.get(path);
    return known?.bytes === bytes && known.modifiedMs === modifiedMs ? known : undefined;
  }

  /** A file as it is now; one that cannot be read has 0 bytes. */
  async read(path: string): Promise<KnownFile> {
    await this.load();
    const known = this.known.get(path);
    const file = await this.disk.facts(path, known && { bytes: known.bytes, modifiedMs: known.modifiedMs });
    return file === undefined ? known! : this.keep(path, file);
  }

  /** Writes what is known, if anything is new. What becomes known meanwhile is for the next time. */
  save(): Promise<void> {
    return (this.saving = this.saving.then(() => this.saveNow()));
  }

  private async saveNow(): Promise<void> {
    if (!this.changed) return;
    this.changed = false;
    await this.file.write(goodFor, remembered([...this.known]));
  }

  private async loadNow(): Promise<void> {
    const templates: string[] = [];
    for (const item of await this.file.read(goodFor)) {
      if (typeof item === 'string') templates.push(item);
      else
        this.known.set(item[0], {
          bytes: item[1],
          modifiedMs: item[2],
          facts: withTemplate(item[3], templates[item[4]]),
        });
    }
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
}

function* remembered(files: readonly (readonly [path: string, file: KnownFile])[]): Iterable<RememberedFile> {
  const templates = new Map<string, number>();
  for (const [path, { bytes, modifiedMs, facts }] of files) {
    const template = facts.metadata?.chatTemplate;
    if (template !== undefined && !templates.has(template)) {
      templates.set(template, templates.size);
      yield template;
    }
    yield [
      path,
      bytes,
      modifiedMs,
      withTemplate(facts, undefined),
      template === undefined ? -1 : templates.get(template)!,
    ];
  }
}

function withTemplate(facts: FileFacts, chatTemplate: string | undefined): FileFacts {
  if (facts.metadata === undefined || facts.metadata.chatTemplate === chatTemplate) return facts;
  const { chatTemplate: _before, ...metadata } = facts.metadata;
  return { ...facts, metadata: chatTemplate === undefined ? metadata : { ...metadata, chatTemplate } };
}
