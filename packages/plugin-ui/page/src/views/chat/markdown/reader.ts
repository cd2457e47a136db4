// Reads an answer that grows: finished blocks are read once, only the last one again.
import type { Token, Tokens } from 'marked';
import { cleanText } from './clean-text.js';
import { lexMarkdown } from './lexer.js';

/** Characters of an answer that are read as Markdown; what follows is shown as plain text. */
const maxText = 100_000;
/**
 * A longer list, table or paragraph is plain text, and so is what follows it. While it is the last, it is read again for
 * each frame.
 */
const maxBlock = 32_000;
const maxBlocks = 2_000;

/** A block at the top of a document. The same block is the same object as long as its text is the same. */
export interface MarkdownBlock {
  readonly token: Token;
  /** Of a heading: its level in the page, where the author of a message is level 2. No level is left out. */
  readonly level?: number;
}

/** An answer as it is shown. */
export interface MarkdownDocument {
  readonly blocks: readonly MarkdownBlock[];
  /** What is too long to be read as Markdown. */
  readonly rest: string;
}

/** Reads one answer. */
export class MarkdownReader {
  /** The part that was cleaned, and its length before. */
  #text = '';
  #readLength = 0;
  #blocks: MarkdownBlock[] = [];
  /** Where the first block begins that can still change, and its number. */
  #openAt = 0;
  #openBlock = 0;
  /** Where plain text begins. */
  #plainAt: number | undefined;
  #isComplete = false;

  /**
   * The document, given the text so far: what was given before and more.
   * @param isComplete Nothing follows. The whole is read once more, because links may be defined at the end.
   */
  read(text: string, isComplete: boolean): MarkdownDocument {
    const hasGrown = this.#add(text, isComplete);
    if (isComplete && !this.#isComplete) {
      this.#openAt = this.#openBlock = 0;
      this.#plainAt = undefined;
      this.#lex();
    } else if (hasGrown && this.#plainAt === undefined) this.#lex();
    this.#isComplete = isComplete;
    return { blocks: this.#blocks, rest: this.#plainAt === undefined ? '' : this.#text.slice(this.#plainAt) };
  }

  #add(text: string, isComplete: boolean): boolean {
    let added = text.slice(this.#readLength);
    // It may be the first half of a line end.
    if (!isComplete && added.endsWith('\r')) added = added.slice(0, -1);
    this.#readLength += added.length;
    this.#text += cleanText(added);
    return added !== '';
  }

  #lex(): void {
    const tokens = lexMarkdown(this.#text.slice(this.#openAt, maxText));
    const hasLinks = Object.keys(tokens.links).length > 0;
    const before = this.#blocks;
    const blocks = before.slice(0, this.#openBlock);
    const starts: number[] = [];
    let at = this.#openAt;
    if (this.#text.length > maxText) this.#plainAt = maxText;
    for (const token of tokens) {
      if ((token.raw.length > maxBlock && token.type !== 'code') || blocks.length >= maxBlocks) {
        this.#plainAt = at;
        break;
      }
      if (token.type !== 'space') {
        starts.push(at);
        blocks.push(reused(before[blocks.length], token, hasLinks) ?? { token });
      }
      at += token.raw.length;
    }
    this.#blocks = withLevels(blocks);
    // What follows can belong to the last block, and now and then make one block of the last two.
    const open = Math.min(2, starts.length);
    if (open === 0) return;
    this.#openAt = starts.at(-open)!;
    this.#openBlock = blocks.length - open;
  }
}

/** Links can be defined elsewhere, so a block with the same text may be another one. */
function reused(before: MarkdownBlock | undefined, { type, raw }: Token, hasLinks: boolean): MarkdownBlock | undefined {
  return !hasLinks && before?.token.type === type && before.token.raw === raw ? before : undefined;
}

/** Gives each heading a level that is at most one deeper than that of the heading before it. */
function withLevels(blocks: readonly MarkdownBlock[]): MarkdownBlock[] {
  const depths: number[] = [];
  return blocks.map((block) => {
    if (block.token.type !== 'heading') return block;
    const { depth } = block.token as Tokens.Heading;
    while (depths.length > 0 && depths.at(-1)! >= depth) depths.pop();
    depths.push(depth);
    const level = Math.min(6, 2 + depths.length);
    return block.level === level ? block : { ...block, level };
  });
}
