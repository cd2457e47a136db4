// Remembers how a manifest was read from one run to the next: reading 10,000 entries takes most of a start, recalling them a tenth of that.
import { createHash } from 'node:crypto';
import { manifestSchema } from '../../contract/manifest.js';
import { freeze } from '../../kernel/freeze.js';
import type { CacheFile } from '../cache-file.js';
import type { Part } from './reader.js';

/** What stands in the file. Only a manifest without problems is remembered. */
export interface RememberedManifest {
  /** Of the text, and of the schema it was checked against. */
  readonly sha256: string;
  readonly parts: readonly Pick<Part, 'data' | 'warnings'>[];
}

/** The last reading of one manifest. */
export class ManifestMemory {
  private remembered: string | undefined;

  constructor(private readonly file: CacheFile<RememberedManifest>) {}

  /** The parts of this very text, if it was the last one that an earlier run read. */
  async recall(text: string): Promise<readonly Part[]> {
    const remembered = await this.file.read();
    this.remembered = remembered?.sha256;
    if (remembered === undefined || remembered.sha256 !== fingerprint(text)) return [];
    return remembered.parts.map(({ data, warnings }) => ({ data: freeze(data), warnings, syntax: [], problems: [] }));
  }

  /** Writes how a text was read, unless that is what is written already. */
  async remember(text: string, parts: readonly Part[]): Promise<void> {
    const sha256 = fingerprint(text);
    if (sha256 === this.remembered) return;
    this.remembered = sha256;
    await this.file.write({ sha256, parts: parts.map(({ data, warnings }) => ({ data, warnings })) });
  }
}

function fingerprint(text: string): string {
  return createHash('sha256').update(JSON.stringify(manifestSchema)).update(text).digest('hex');
}
