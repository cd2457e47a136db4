// Remembers what files told, by path, size and time, from one run to the next: no header is read twice.
import type { CacheFile } from '../cache-file.js';
import type { Disk, FileVersion, KnownFile } from './disk.js';
import type { FileFacts } from './facts.js';

const mostFiles = 50_000;

/** What stands in the file. Chat templates are long and shared by many models: they are kept once. */
export interface RememberedFiles {
  readonly templates: readonly string[];
  readonly files: readonly (readonly [path: string, bytes: number, modifiedMs: number, facts: FileFacts, template: number])[];
}

/** Facts about files, read lazily, kept on disk. */
export class HeaderCache {
  private readonly known = new Map<string, KnownFile>();
  private changed = false;

  constructor(
    private readonly file: CacheFile<RememberedFiles>,
    private readonly disk: Disk,
  ) {}

  /** Reads what an earlier run knew. */
  async load(): Promise<void> {
    const remembered = await this.file.read();
    for (const [path, bytes, modifiedMs, facts, template] of remembered?.files ?? []) this.known.set(path, { bytes, modifiedMs, facts: withTemplate(facts, remembered!.templates[template]) });
  }

  /** A file in this version, if it is known; does not touch the disk. */
  peek(path: string, { bytes, modifiedMs }: FileVersion): KnownFile | undefined {
    const known = this.known.get(path);
    return known?.bytes === bytes && known.modifiedMs === modifiedMs ? known : undefined;
  }

  /** A file as it is now; one that cannot be read has 0 bytes. @throws the signal's reason */
  async read(path: string, signal: AbortSignal): Promise<KnownFile> {
    const known = this.known.get(path);
    const file = await this.disk.facts(path, known, signal);
    return file === undefined ? known! : this.keep(path, file);
  }

  /** Writes what is known, if anything is new. */
  async save(): Promise<void> {
    if (!this.changed) return;
    this.changed = false;
    await this.file.write(this.stored());
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

  private stored(): RememberedFiles {
    const templates = new Map<string, number>();
    const files = [...this.known].map(([path, { bytes, modifiedMs, facts }]) => {
      const template = facts.metadata?.chatTemplate;
      if (template !== undefined && !templates.has(template)) templates.set(template, templates.size);
      return [path, bytes, modifiedMs, withTemplate(facts, undefined), template === undefined ? -1 : templates.get(template)!] as const;
    });
    return { templates: [...templates.keys()], files };
  }
}

function withTemplate(facts: FileFacts, chatTemplate: string | undefined): FileFacts {
  if (facts.metadata === undefined || facts.metadata.chatTemplate === chatTemplate) return facts;
  const { chatTemplate: _before, ...metadata } = facts.metadata;
  return { ...facts, metadata: chatTemplate === undefined ? metadata : { ...metadata, chatTemplate } };
}
