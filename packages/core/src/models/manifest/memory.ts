// Remembers how a manifest was read from one run to the next: reading 10,000 entries takes most of a start, recalling
// them a fifth of that.
import { createHash } from 'node:crypto';
import { manifestSchema } from '../../contract/manifest.js';
import { freeze } from '../../kernel/freeze.js';
import type { CacheFile } from '../cache-file.js';
import type { Part } from './part.js';
import type { PieceByPiece } from './reader.js';
import { Piece } from './split.js';

/** Goes up when a text is split otherwise, or when what an entry may be changes in what the schema does not say. */
const rules = 4;

/** What is remembered of a piece, and of its part, which has no problems: only such a manifest is remembered. */
export type RememberedPiece = readonly [
  kind: Piece['kind'],
  offset: number,
  length: number,
  line: number,
  pairs: Part['pairs'],
  ...warnings: Part['warnings'],
];

const none: readonly never[] = [];

/** The last reading of one manifest. */
export class ManifestMemory {
  private remembered: string | undefined;

  constructor(private readonly file: CacheFile<RememberedPiece>) {}

  /** How this very text was read, if it was the last one that an earlier run read. */
  async recall(text: string): Promise<PieceByPiece | undefined> {
    const fingerprint = fingerprintOf(text);
    const all = await this.file.read(fingerprint);
    if (all.length === 0) return undefined;
    this.remembered = fingerprint;
    const pieces: Piece[] = [];
    const parts: Part[] = [];
    for (const [kind, offset, length, line, pairs, ...warnings] of all) {
      pieces.push(new Piece(text, kind, offset, length, line));
      for (const [, value] of pairs) freeze(value);
      parts.push({ pairs, warnings: warnings.length === 0 ? none : warnings, syntax: none, problems: none });
    }
    return { text, pieces, parts };
  }

  /** Writes how a text was read, unless that is what is written already. */
  async remember({ text, pieces, parts }: PieceByPiece): Promise<void> {
    const fingerprint = fingerprintOf(text);
    if (fingerprint === this.remembered) return;
    this.remembered = fingerprint;
    await this.file.write(fingerprint, remembered(pieces, parts));
  }
}

function* remembered(pieces: readonly Piece[], parts: readonly Part[]): Iterable<RememberedPiece> {
  for (const [index, { kind, offset, length, line }] of pieces.entries())
    yield [kind, offset, length, line, parts[index]!.pairs, ...parts[index]!.warnings];
}

function fingerprintOf(text: string): string {
  const schema = JSON.stringify(manifestSchema);
  return `manifest ${rules} ${createHash('sha256').update(schema).update(text).digest('hex')}`;
}
