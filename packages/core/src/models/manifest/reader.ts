// Reads the text of a manifest: all problems at once, each with file, line, column, what is wrong and what would be right.
// A piece that is written in the usual way is read at once, another by js-yaml, which is ten times as fast as yaml; whatever it refuses, and
// every place, comes from yaml, which explains itself.
import { CORE_SCHEMA, load } from 'js-yaml';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { reasonOf } from '../../contract/errors.js';
import type { Manifest, ModelEntry } from '../../contract/manifest.js';
import { freeze } from '../../kernel/freeze.js';
import { take } from '../../kernel/steps.js';
import { emptyManifest, type ManifestReading } from './manifest.js';
import { invalid, mostNotes, sentence, type ManifestNote } from './notes.js';
import { entryProblems, entryShapeProblems, prepareRules, shapeProblems, togetherProblems, unknownInEntry, unknownSections, type Finding } from './rules.js';
import { splitManifest, Piece, type Split, type SplitText } from './split.js';
import { entryWithoutNothing, isMapping, withoutNothing } from './nothing.js';
import { locate } from './positions.js';
import { Slices } from '../slices.js';
import { readUsual, type Pair } from './usual.js';
import { misreadName, syntaxProblems, unresolvedAliases, type SyntaxProblem } from './syntax.js';

/** A piece that was read: a part of the manifest as data, and what there is to say of it. Places are within the piece. */
export interface Part {
  /** Names and entries of an `entry` piece; of others, keys of the top and what is below. */
  readonly pairs: readonly Pair[];
  readonly syntax: readonly SyntaxProblem[];
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** A text in pieces, a byte order mark left out, and what each of them says. */
export interface PieceByPiece extends SplitText {
  readonly parts: readonly Part[];
}

/** A manifest with where its entries are in the text. */
export interface TextReading extends ManifestReading, PieceByPiece {
  /** The piece that holds an entry. */
  pieceOf(name: string): Piece | undefined;
}

const none: readonly never[] = [];
const nothingRead: Part = { pairs: none, syntax: none, problems: none, warnings: none };
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
  async parse(source: string, recall: (text: string) => Promise<PieceByPiece | undefined> = nothingRecalled): Promise<TextReading> {
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
    const known = new Map(before.slice(head, before.length - tail).map(({ kind, text }, index) => [kind + text, parts[head + index]!]));
    const between: Part[] = [];
    for (const piece of pieces.slice(head, pieces.length - tail)) {
      const part = (known.size === 0 ? undefined : known.get(piece.kind + piece.text)) ?? readPiece(piece, pieces.length > 1);
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
      if (part.syntax.length + part.problems.length > 0) problems.push(...this.problemsOf(pieces[index]!, part));
      if (slices.overInSmallSteps) await slices.pause();
    }
    await slices.giveWay();
    const names = Object.keys(models);
    if (written > names.length + Object.keys(sections).length) problems.push(...this.writtenTwice(pieces, parts));
    if (sections['models'] !== undefined && names.length > 0) problems.push({ file: this.file, message: 'models is written twice; put all entries under one' });
    if (problems.length > 0) throw invalid(problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
    const manifest = { ...emptyManifest, ...sections, ...(names.length > 0 ? { models } : {}) } as Manifest;
    const pieceOf = (name: string) => holderOf(name, pieces, parts);
    const together = togetherProblems(manifest.models).map((finding) => this.noteFor(pieceOf(finding.path[1]!)!, finding));
    if (together.length > 0) throw invalid(together);
    for (const section of Object.values(manifest)) Object.freeze(section);
    return { manifest: Object.freeze(manifest), warnings: this.warnings(pieces, parts), text, pieces, parts, pieceOf };
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
        return earlier === undefined ? [] : [this.note(piece, { line: 1, column: 1 }, twice(`${written} is written twice; rename it or remove one of them`, earlier.line))];
      });
    });
  }

  private problemsOf(piece: Piece, { syntax, problems }: Part): readonly ManifestNote[] {
    const slips = syntax.map(({ place, message, earlier }) => this.note(piece, place, earlier === undefined ? message : twice(message, piece.line - 1 + earlier.line)));
    return [...slips, ...problems.map((finding) => this.noteFor(piece, finding))];
  }

  private warnings(pieces: readonly Piece[], parts: readonly Part[]): readonly ManifestNote[] {
    const all: { piece: Piece; finding: Finding }[] = [];
    for (let index = 0; index < parts.length; index += 1) for (const finding of parts[index]!.warnings) all.push({ piece: pieces[index]!, finding });
    const notes = all.slice(0, mostNotes).map(({ piece, finding }) => this.noteFor(piece, finding));
    return all.length > notes.length ? [...notes, { file: this.file, message: `has ${all.length - notes.length} more keys Lamina does not know` }] : notes;
  }

  private noteFor(piece: Piece, finding: Finding): ManifestNote {
    const lines = new LineCounter();
    const document = parseDocument(piece.text, { lineCounter: lines, merge: true, uniqueKeys: false, logLevel: 'error' });
    const path = piece.kind === 'entry' ? finding.path.slice(1) : finding.path;
    return this.note(piece, locate(document, lines, path), sentence(finding));
  }

  private note(piece: Piece, place: { line: number; column: number } | undefined, message: string): ManifestNote {
    return { file: this.file, ...(place === undefined ? {} : { line: piece.line - 1 + place.line, column: place.column }), message };
  }
}

/** `undefined` for a piece that refers to an anchor in another. */
function readPiece(piece: Piece, isPart: boolean): Part | undefined {
  const usual = readUsual(piece.text);
  if (usual !== undefined) return piece.kind === 'entry' ? inspectEntry(piece, usual) : inspect(piece, Object.fromEntries([usual]));
  try {
    return inspect(piece, load(piece.text, { schema: CORE_SCHEMA, maxAliases: 0 }));
  } catch {
    const slow = readSlowly(piece.text, isPart);
    if (slow === undefined) return undefined;
    return 'syntax' in slow ? { ...nothingRead, syntax: slow.syntax } : inspect(piece, slow.value);
  }
}

function readSlowly(text: string, isPart: boolean): { value: unknown } | { syntax: readonly SyntaxProblem[] } | undefined {
  const lines = new LineCounter();
  const document: Document.Parsed = parseDocument(text, { merge: true, lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
  const syntax = syntaxProblems(text, document, lines);
  if (syntax.length > 0) return { syntax };
  const unresolved = unresolvedAliases(document, lines);
  if (unresolved.length > 0) return isPart ? undefined : { syntax: unresolved };
  try {
    return { value: document.toJS({ maxAliasCount: 1000 }) };
  } catch (error) {
    return { syntax: [{ place: { line: 1, column: 1 }, message: `this cannot be read: ${reasonOf(error)}` }] };
  }
}

function inspect(piece: Piece, value: unknown): Part {
  const pairs = piece.kind === 'entry' && isMapping(value) ? Object.entries(value) : [];
  if (pairs.length === 1) return inspectEntry(piece, pairs[0]!);
  const whole = withoutNothing(piece.kind === 'entry' ? { models: value } : value);
  const problems = shapeProblems(whole);
  if (problems.length > 0) return { ...nothingRead, problems };
  const manifest = freeze(whole) as Partial<Manifest>;
  const entries = Object.entries(manifest.models ?? {});
  return {
    pairs: piece.kind === 'entry' ? entries : Object.entries(manifest),
    syntax: none,
    problems: entries.flatMap(([name, entry]) => entryProblems(name, entry)),
    warnings: [...unknownSections(manifest), ...entries.flatMap(([name, entry]) => unknownInEntry(name, entry))],
  };
}

function inspectEntry(piece: Piece, [name, written]: Pair): Part {
  const value = entryWithoutNothing(written);
  const syntax = misreadName(piece.text);
  const problems = entryShapeProblems(name, value);
  if (problems.length > 0 || syntax.length > 0) return { ...nothingRead, syntax, problems };
  const entry = freeze(value) as ModelEntry;
  return { pairs: [[name, entry]], syntax: none, problems: entryProblems(name, entry), warnings: unknownInEntry(name, entry) };
}

/** The piece that has an entry: its own, or the one with all of them. */
function holderOf(name: string, pieces: readonly Piece[], parts: readonly Part[]): Piece | undefined {
  const place = (kind: 'entry' | 'section', wanted: string) => parts.findIndex(({ pairs }, index) => (pieces[index]!.kind === 'entry') === (kind === 'entry') && pairs.some(([key]) => key === wanted));
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
