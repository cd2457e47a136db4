// Reads the text of a manifest: all problems at once, each with file, line, column, what is wrong and what would be
// right.
import type { Manifest } from '../../contract/manifest.js';
import { take } from '../../kernel/steps.js';
import { emptyManifest, type ManifestReading } from './manifest.js';
import { invalid, mostNotes, sentence, type ManifestNote } from './notes.js';
import { readPiece, type Part } from './part.js';
import { prepareRules, togetherProblems, type Finding } from './rules.js';
import { splitManifest, Piece, type Split, type SplitText } from './split.js';
import { Slices } from '../slices.js';

/** A text in pieces, a byte order mark left out, and what each of them says. */
export interface PieceByPiece extends SplitText {
  readonly parts: readonly Part[];
}

/** A manifest with where its entries are in the text. */
export interface TextReading extends ManifestReading, PieceByPiece {
  /** The piece that holds an entry. */
  pieceOf(name: string): Piece | undefined;
}

const nothingRecalled = () => Promise.resolve(undefined);

/** Reads the manifest again and again; pieces that did not change are not read twice. */
export class ManifestReader {
  /** The last text that had no problems. */
  private last: PieceByPiece = { text: '', pieces: [], parts: [] };

  constructor(private readonly file: string) {}

  /**
   * Reads a text, or recalls how an earlier run read this very text.
   * @throws LaminaError `CONFIG_INVALID` with every problem
   */
  async parse(
    source: string,
    recall: (text: string) => Promise<PieceByPiece | undefined> = nothingRecalled,
  ): Promise<TextReading> {
    const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
    const slices = new Slices();
    const recalled = await recall(text);
    if (recalled !== undefined) prepareRules();
    const read = recalled ?? (await this.readInPieces(text, slices));
    if (read === undefined) return this.combine(await this.readWhole(text, slices), slices);
    const reading = await this.combine(read, slices);
    this.last = read;
    return reading;
  }

  /** `undefined` when a piece refers to an anchor in another. */
  private async readInPieces(text: string, slices: Slices): Promise<PieceByPiece | undefined> {
    const split = await take(splitManifest(text, this.last, slices));
    if (split === undefined) return this.readWhole(text, slices);
    const parts = await this.readAll(split, slices);
    return parts && { text, pieces: split.pieces, parts };
  }

  private async readWhole(text: string, slices: Slices): Promise<PieceByPiece> {
    const pieces = [new Piece(text, 'whole', 0, text.length, 1)];
    return { text, pieces, parts: (await this.readAll({ text, pieces, head: 0, tail: 0 }, slices))! };
  }

  /** Pieces that stood in the last text, elsewhere too, are not read again. */
  private async readAll({ pieces, head, tail }: Split, slices: Slices): Promise<readonly Part[] | undefined> {
    const { pieces: before, parts } = this.last;
    const known = new Map(
      before.slice(head, before.length - tail).map(({ kind, text }, index) => [kind + text, parts[head + index]!]),
    );
    const between: Part[] = [];
    for (const piece of pieces.slice(head, pieces.length - tail)) {
      const read =
        (known.size === 0 ? undefined : known.get(piece.kind + piece.text)) ?? readPiece(piece, pieces.length > 1);
      const part = read instanceof Promise ? await read : read;
      if (part === undefined) return undefined;
      between.push(part);
      if (slices.over) await slices.pause();
    }
    return [...parts.slice(0, head), ...between, ...parts.slice(parts.length - tail)];
  }

  private async combine({ text, pieces, parts }: PieceByPiece, slices: Slices): Promise<TextReading> {
    const problems: ManifestNote[] = [];
    const sections: Record<string, unknown> = {};
    const models: Record<string, unknown> = {};
    let written = 0;
    for (let index = 0; index < parts.length; index += 1) {
      const part = parts[index]!;
      const target = pieces[index]!.kind === 'entry' ? models : sections;
      for (const [key, value] of part.pairs) define(target, key, value);
      written += part.pairs.length;
      if (part.syntax.length + part.problems.length > 0)
        problems.push(...(await this.problemsOf(pieces[index]!, part)));
      if (slices.overInSmallSteps) await slices.pause();
    }
    await slices.giveWay();
    const names = Object.keys(models);
    if (written > names.length + Object.keys(sections).length) problems.push(...this.writtenTwice(pieces, parts));
    if (sections['models'] !== undefined && names.length > 0)
      problems.push({ file: this.file, message: 'models is written twice; put all entries under one' });
    if (problems.length > 0) throw invalid(problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
    const manifest = { ...emptyManifest, ...sections, ...(names.length > 0 ? { models } : {}) } as Manifest;
    const pieceOf = (name: string) => holderOf(name, pieces, parts);
    const together = await Promise.all(
      togetherProblems(manifest.models).map((finding) => this.noteFor(pieceOf(finding.path[1]!)!, finding)),
    );
    if (together.length > 0) throw invalid(together);
    for (const section of Object.values(manifest)) Object.freeze(section);
    return {
      manifest: Object.freeze(manifest),
      warnings: await this.warnings(pieces, parts),
      text,
      pieces,
      parts,
      pieceOf,
    };
  }

  /** Keys of the top, and names of models, that stand in several pieces. */
  private writtenTwice(pieces: readonly Piece[], parts: readonly Part[]): readonly ManifestNote[] {
    const first = new Map<string, Piece>();
    return parts.flatMap(({ pairs }, index) => {
      const piece = pieces[index]!;
      return pairs.flatMap(([key]) => {
        const written = `${piece.kind === 'entry' ? 'models.' : ''}${key}`;
        const earlier = first.get(written);
        first.set(written, piece);
        return earlier === undefined
          ? []
          : [
              this.note(
                piece,
                { line: 1, column: 1 },
                twice(`${written} is written twice; rename it or remove one of them`, earlier.line),
              ),
            ];
      });
    });
  }

  private async problemsOf(piece: Piece, { syntax, problems }: Part): Promise<readonly ManifestNote[]> {
    const slips = syntax.map(({ place, message, earlier }) =>
      this.note(piece, place, earlier === undefined ? message : twice(message, piece.line - 1 + earlier.line)),
    );
    return [...slips, ...(await Promise.all(problems.map((finding) => this.noteFor(piece, finding))))];
  }

  private async warnings(pieces: readonly Piece[], parts: readonly Part[]): Promise<readonly ManifestNote[]> {
    const all: { piece: Piece; finding: Finding }[] = [];
    for (let index = 0; index < parts.length; index += 1)
      for (const finding of parts[index]!.warnings) all.push({ piece: pieces[index]!, finding });
    const notes = await Promise.all(all.slice(0, mostNotes).map(({ piece, finding }) => this.noteFor(piece, finding)));
    return all.length > notes.length
      ? [...notes, { file: this.file, message: `has ${all.length - notes.length} more keys Lamina does not know` }]
      : notes;
  }

  private async noteFor(piece: Piece, finding: Finding): Promise<ManifestNote> {
    const { placeIn } = await import('./explained.js');
    return this.note(
      piece,
      placeIn(piece.text, piece.kind === 'entry' ? finding.path.slice(1) : finding.path),
      sentence(finding),
    );
  }

  private note(piece: Piece, place: { line: number; column: number } | undefined, message: string): ManifestNote {
    return {
      file: this.file,
      ...(place === undefined ? {} : { line: piece.line - 1 + place.line, column: place.column }),
      message,
    };
  }
}

/** The piece that has an entry: its own, or the one with all of them. */
function holderOf(name: string, pieces: readonly Piece[], parts: readonly Part[]): Piece | undefined {
  const place = (kind: 'entry' | 'section', wanted: string) =>
    parts.findIndex(
      ({ pairs }, index) =>
        (pieces[index]!.kind === 'entry') === (kind === 'entry') && pairs.some(([key]) => key === wanted),
    );
  const own = place('entry', name);
  return pieces[own === -1 ? place('section', 'models') : own];
}

function twice(message: string, firstLine: number): string {
  return `${message} (first in line ${firstLine})`;
}

/** Sets a key whatever its name, `__proto__` too. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
