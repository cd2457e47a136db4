// Cuts the text of a manifest into pieces that can be read one by one: a section each, and under `models:` an entry
// each. Reading 10,000 entries takes half a second; with the pieces known from last time, only what was edited is cut
// and read again.

import { wait, type Steps } from '../../kernel/steps.js';
import type { Slices } from '../slices.js';
import { sameAtBeginning, sameAtEnd } from './same-text.js';

/** A piece of a text. */
export class Piece {
  constructor(
    private readonly whole: string,
    /** `entry`: one model; `section`: any other key at the top; `whole`: a text that cannot be split. */
    readonly kind: 'entry' | 'section' | 'whole',
    /** Where it begins in the whole text. */
    readonly offset: number,
    readonly length: number,
    /** That of its beginning; the first is 1. */
    readonly line: number,
  ) {}

  get text(): string {
    return this.whole.slice(this.offset, this.offset + this.length);
  }
}

/** A text and its pieces. */
export interface SplitText {
  readonly text: string;
  readonly pieces: readonly Piece[];
}

/**
 * The pieces of a text; the first `head` and the last `tail` of them stood in the text before, and meant the same
 * there.
 */
export interface Split extends SplitText {
  readonly head: number;
  readonly tail: number;
}

interface Cut {
  readonly offset: number;
  readonly line: number;
  readonly kind: 'entry' | 'section' | 'header';
}

/** The beginning of a line, and all that its meaning depends on of the lines before. */
interface Start {
  readonly offset: number;
  readonly line: number;
  /** True when nothing was said yet. */
  readonly isFirst: boolean;
  readonly inModels: boolean;
  /** That of every entry; `undefined` before the first. */
  readonly entryIndent: number | undefined;
}

const blank = 32;

const header = /^(?:models|"models"|'models')[ ]*:[ ]*(?:#.*)?\r?$/;
const nothing: SplitText = { text: '', pieces: [] };
const beginning: Start = { offset: 0, line: 1, isFirst: true, inModels: false, entryIndent: undefined };

/**
 * The pieces of a manifest, in order; `undefined` when the text is not written in the usual way (blocks of `key:`
 * lines) and can only be read as a whole. No judgement: a piece may be wrong, and is then told so by whoever reads it.
 * Of a text that is mostly the one `before` only the pieces that differ are looked at.
 */
export function* splitManifest(text: string, before: SplitText, slices: Slices): Steps<Split | undefined> {
  const { text: old, pieces: known } = before.pieces[0]?.kind === 'whole' ? nothing : before;
  const same = sameAtBeginning(old, text);
  const differsAfter = old.length - sameAtEnd(old, text, same);
  const first = known.findLastIndex(({ offset }) => offset < same && hasLineWithin(old, offset, same));
  const head = Math.max(0, first);
  const start = first === -1 ? beginning : startOf(known, first, old);
  const next = known.findIndex(({ offset }, index) => index > first && offset > differsAfter);
  const moved = text.length - old.length;
  const joined = next === -1 ? undefined : yield* cut(text, start, known[next]!.offset + moved, slices);
  const joins = joined !== undefined && joinsTo(known, next, old, joined.end);
  const between = joins ? joined : yield* cut(text, start, text.length, slices);
  if (between === undefined) return undefined;
  const [ahead, behind] = [known.slice(0, head), joins ? known.slice(next) : []];
  const pieces = [
    ...inText(text, ahead, 0, 0),
    ...piecesOf(text, between),
    ...inText(text, behind, moved, between.end.line - (behind[0]?.line ?? 0)),
  ];
  return { text, pieces, head, tail: behind.length };
}

/** True when the line at `offset` ends before `end`. */
function hasLineWithin(text: string, offset: number, end: number): boolean {
  const last = text.indexOf('\n', offset);
  return last !== -1 && last < end;
}

/** A piece of the old text, the first line of which stands in the new one too, as the place to begin at. */
function startOf(known: readonly Piece[], index: number, text: string): Start {
  const { kind, offset, line } = known[index]!;
  const entry = kind === 'entry' ? known[index] : known.slice(0, index).find((piece) => piece.kind === 'entry');
  return {
    offset,
    line,
    isFirst: false,
    inModels: kind === 'entry',
    entryIndent: entry && indentAt(text, entry.offset),
  };
}

/** Whether a piece of the old text, and all after it, mean the same behind what ends so. */
function joinsTo(known: readonly Piece[], next: number, text: string, { inModels, entryIndent }: Start): boolean {
  const { kind, offset } = known[next]!;
  if (kind === 'entry') return inModels && (entryIndent ?? indentAt(text, offset)) === indentAt(text, offset);
  return (entryIndent !== undefined) === known.slice(0, next).some((piece) => piece.kind === 'entry');
}

/** Pieces of another text, so many characters and lines further on in this one. */
function inText(text: string, pieces: readonly Piece[], characters: number, lines: number): readonly Piece[] {
  return pieces.map(
    ({ kind, offset, length, line }) => new Piece(text, kind, offset + characters, length, line + lines),
  );
}

function piecesOf(
  text: string,
  { cuts, end }: { readonly cuts: readonly Cut[]; readonly end: Start },
): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const [index, { offset, line, kind }] of cuts.entries()) {
    const next = cuts[index + 1]?.offset ?? end.offset;
    if (kind !== 'header') pieces.push(new Piece(text, kind, offset, next - offset, line));
  }
  return pieces;
}

/** Where to cut between a start and the beginning of another line. */
function* cut(
  text: string,
  start: Start,
  until: number,
  slices: Slices,
): Steps<{ readonly cuts: readonly Cut[]; readonly end: Start } | undefined> {
  const cuts: Cut[] = [];
  let { line, isFirst, inModels, entryIndent } = start;
  for (let offset = start.offset; offset < until; offset = nextLine(text, offset), line += 1) {
    const indent = indentAt(text, offset);
    if (inModels && entryIndent !== undefined && indent > entryIndent) continue;
    const first = text[offset + indent];
    if (first === undefined || '\n\r#\t'.includes(first)) continue;
    if (indent > 0 && isFirst) return undefined;
    if (indent === 0) {
      const whole = text.slice(offset, nextLine(text, offset)).replace(/\n$/, '');
      if (isFirst && /^---\s*(#.*)?$/.test(whole)) continue;
      if ('-.%?[]{}'.includes(first)) return undefined;
      const isHeader = header.test(whole);
      if (isHeader && entryIndent !== undefined) return undefined;
      inModels = isHeader;
      isFirst = false;
      cuts.push({ offset, line, kind: isHeader ? 'header' : 'section' });
    } else if (inModels) {
      entryIndent ??= indent;
      if (indent < entryIndent) return undefined;
      if ('}],'.includes(first)) continue;
      if ('-?'.includes(first)) return undefined;
      cuts.push({ offset, line, kind: 'entry' });
      if (slices.overInSmallSteps) yield* wait(slices.pause());
    }
  }
  return { cuts, end: { offset: until, line, isFirst, inModels, entryIndent } };
}

function nextLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end + 1;
}

function indentAt(text: string, offset: number): number {
  let at = offset;
  while (text.charCodeAt(at) === blank) at += 1;
  return at - offset;
}
