// Cuts the text of a manifest into pieces that can be read one by one: a section each, and under `models:` an entry each.
// Reading 10,000 entries takes half a second; with the pieces known from last time, only the one that was edited is read again.

import { wait, type Steps } from '../../kernel/steps.js';
import type { Slices } from '../slices.js';

/** A piece of a text. */
export class Piece {
  constructor(
    private readonly whole: string,
    /** `entry`: one model; `section`: any other key at the top. */
    readonly kind: 'entry' | 'section',
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

interface Cut {
  readonly offset: number;
  readonly line: number;
  readonly kind: 'entry' | 'section' | 'header';
}

const blank = 32;

const header = /^(?:models|"models"|'models')[ ]*:[ ]*(?:#.*)?\r?$/;

/**
 * The pieces of a manifest, in order; `undefined` when the text is not written in the usual way (blocks of `key:` lines) and can only
 * be read as a whole. No judgement: a piece may be wrong, and is then told so by whoever reads it.
 */
export function* splitManifest(text: string, slices: Slices): Steps<readonly Piece[] | undefined> {
  const cuts = yield* findCuts(text, slices);
  if (cuts === undefined) return undefined;
  const pieces: Piece[] = [];
  for (const [index, { offset, line, kind }] of cuts.entries()) {
    const end = cuts[index + 1]?.offset ?? text.length;
    if (kind !== 'header') pieces.push(new Piece(text, kind, offset, end - offset, line));
  }
  return pieces;
}

function* findCuts(text: string, slices: Slices): Steps<readonly Cut[] | undefined> {
  const cuts: Cut[] = [];
  let inModels = false;
  let entryIndent: number | undefined;
  let line = 0;
  for (let offset = 0; offset < text.length; offset = nextLine(text, offset)) {
    line += 1;
    const indent = indentAt(text, offset);
    if (inModels && entryIndent !== undefined && indent > entryIndent) continue;
    const first = text[offset + indent];
    if (first === undefined || '\n\r#\t'.includes(first)) continue;
    if (indent > 0 && cuts.length === 0) return undefined;
    if (indent === 0) {
      const whole = text.slice(offset, nextLine(text, offset)).replace(/\n$/, '');
      if (cuts.length === 0 && /^---\s*(#.*)?$/.test(whole)) continue;
      if ('-.%?[]{}'.includes(first)) return undefined;
      const isHeader = header.test(whole);
      if (isHeader && entryIndent !== undefined) return undefined;
      inModels = isHeader;
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
  return cuts;
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
