// Which file on this disk has which SHA-256, so that nothing is fetched twice.
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
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
    properties: { path: { type: 'string' }, bytes: { type: 'integer' }, modifiedMs: { type: 'number' }, sha256: { type: 'string' } },
    required: ['path', 'bytes', 'modifiedMs', 'sha256'],
  },
} as const;

/** The files that were downloaded and checked. A list that is lost costs a download, nothing else. */
export class KnownFiles {
  private files: KnownFile[] = [];

  constructor(private readonly path: string) {}

  async load(): Promise<void> {
    const value: unknown = await readFile(this.path, 'utf8').then((text) => JSON.parse(text) as unknown).catch(() => []);
    this.files = check(fileSchema, value).length === 0 ? (value as KnownFile[]) : [];
  }

  /** A file with these bytes that has not changed since; `undefined` when there is none. */
  async find(sha256: string): Promise<string | undefined> {
    for (const file of this.files.filter((known) => known.sha256 === sha256)) {
      const stats = await stat(file.path).catch(() => undefined);
      if (stats?.size === file.bytes && stats.mtimeMs === file.modifiedMs) return file.path;
      this.files = this.files.filter((other) => other !== file);
    }
    return undefined;
  }

  async add(path: string, sha256: string): Promise<void> {
    const { size, mtimeMs } = await stat(path);
    this.files = [...this.files.filter((file) => file.path !== path), { path, bytes: size, modifiedMs: mtimeMs, sha256 }];
    await mkdir(dirname(this.path), { recursive: true });
    await writeFile(`${this.path}.new`, `${JSON.stringify(this.files, undefined, 1)}\n`);
    await rename(`${this.path}.new`, this.path);
  }
}
