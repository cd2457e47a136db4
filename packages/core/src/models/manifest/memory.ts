// Remembers how a manifest was read from one run to the next: reading 10,000 entries takes most of a start, recalling them a fifth of that.
import { createHash } from 'node:crypto';
import { manifestSchema } from '../../contract/manifest.js';
import { freeze } from '../../kernel/freeze.js';
import type { CacheFile } from '../cache-file.js';
import type { Part } from './reader.js';

/** Goes up when what an entry may be changes in what the schema does not say. */
const rules = 1;

/** What is remembered of a part. Only a manifest without problems is. */
export type RememberedPart = Pick<Part, 'data' | 'warnings'>;

/** The last reading of one manifest. */
export class ManifestMemory {
  private remembered: string | undefined;

  constructor(private readonly file: CacheFile<RememberedPart>) {}

  /** The parts of this very text, if it was the last one that an earlier run read. */
  async recall(text: string): Promise<readonly Part[]> {
    const fingerprint = fingerprintOf(text);
    const parts = await this.file.read(fingerprint);
    if (parts.length > 0) this.remembered = fingerprint;
    return parts.map(({ data, warnings }) => ({ data: freeze(data), warnings, syntax: [], problems: [] }));
  }

  /** Writes how a text was read, unless that is what is written already. */
  async remember(text: string, parts: readonly Part[]): Promise<void> {
    const fingerprint = fingerprintOf(text);
    if (fingerprint === this.remembered) return;
    this.remembered = fingerprint;
    await this.file.write(fingerprint, parts.map(({ data, warnings }) => ({ data, warnings })));
  }
}

function fingerprintOf(text: string): string {
  const schema = JSON.stringify(manifestSchema);
  return `manifest ${rules} ${createHash('sha256').update(schema).update(text).digest('hex')}`;
}
