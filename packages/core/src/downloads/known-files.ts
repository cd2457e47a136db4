// The SHA-256 of downloaded files, so that a file which another model already has is not downloaded again.
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import pLimit from 'p-limit';
import type { Logger } from '../contract/context.js';
import { reasonOf } from '../kernel/reason.js';
import { writeFileAtomic } from '../kernel/atomic-write.js';
import { check } from '../kernel/check.js';

interface KnownFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly sha256: string;
}

const fileSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      path: { type: 'string' },
      bytes: { type: 'integer' },
      modifiedMs: { type: 'number' },
      sha256: { type: 'string' },
    },
    required: ['path', 'bytes', 'modifiedMs', 'sha256'],
  },
} as const;

/** The downloaded files. Losing the list only means that a file may be downloaded a second time. */
export class KnownFiles {
  private files: KnownFile[] = [];
  private readonly writes = pLimit(1);

  constructor(
    private readonly path: string,
    private readonly log: Logger,
  ) {}

  async load(): Promise<void> {
    const value: unknown = await readFile(this.path, 'utf8')
      .then((text) => JSON.parse(text) as unknown)
      .catch(() => []);
    this.files = check(fileSchema, value).length === 0 ? (value as KnownFile[]) : [];
  }

  /** A file with this SHA-256 that has not changed since it was added. */
  async find(sha256: string): Promise<string | undefined> {
    for (const file of this.files.filter((known) => known.sha256 === sha256)) {
      const stats = await stat(file.path).catch(() => undefined);
      if (stats?.size === file.bytes && stats.mtimeMs === file.modifiedMs) return file.path;
      this.files = this.files.filter((other) => other !== file);
    }
    return undefined;
  }

  /** Adds a file and resolves when the list is on disk. Failing to write it is only logged: the download is complete. */
  async add(path: string, sha256: string): Promise<void> {
    const { size, mtimeMs } = await stat(path);
    this.files = [
      ...this.files.filter((file) => file.path !== path),
      { path, bytes: size, modifiedMs: mtimeMs, sha256 },
    ];
    // One after the other, so that a slow write cannot replace a newer list.
    await this.writes(() => this.write());
  }

  private async write(): Promise<void> {
    try {
      await mkdir(dirname(this.path), { recursive: true });
      await writeFileAtomic(this.path, `${JSON.stringify(this.files, undefined, 1)}\n`);
    } catch (error) {
      this.log.warn({ path: this.path, reason: reasonOf(error) }, 'The list of downloaded files cannot be written');
    }
  }
}
