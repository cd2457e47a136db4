// Marked's lexer with limits: an answer of a model cannot make it recurse without end, or search for pairs for minutes.
import { Lexer, Tokenizer, type Token, type Tokens, type TokensList } from 'marked';

/** How deep lists and quotes can be nested; what is deeper is text. Each level is read once more. */
const maxDepth = 12;

/**
 * The most marks in one run of text. Marked looks for the other half of each, so its time grows with the square of their
 * number: 20,000 take 20 s, 400 some milliseconds. A run with more is text.
 */
const maxMarks = 400;

/** The same for all runs of a document: the sum of the squares. */
const maxWork = 20 * maxMarks ** 2;

/** The most cells of a table. A row of one cell gets as many as the head has, so that short rows make many. */
const maxCells = 10_000;

/** What marked looks for the other half of. */
const marks = /[*_~[<`]/g;

class LimitedTokenizer extends Tokenizer {
  override table(source: string): Tokens.Table | undefined {
    const table = this.rules.block.table.exec(source);
    if (table === null) return undefined;
    const columns = table[1]!.split('|').length;
    const rows = table[0].split('\n').length;
    if (columns * rows <= maxCells) return super.table(source);
    // Text, and not no table: the lexer would look for one again in each of its rows.
    return { type: 'text', raw: table[0], text: table[0] } as unknown as Tokens.Table;
  }
}

class LimitedLexer extends Lexer {
  #depth = 0;
  #work = 0;

  override blockTokens(source: string, tokens?: Token[], clipped?: boolean): Token[];
  override blockTokens(source: string, tokens?: TokensList, clipped?: boolean): TokensList;
  override blockTokens(source: string, tokens: Token[] = [], clipped?: boolean): Token[] {
    if (this.#depth >= maxDepth) {
      tokens.push({ type: 'text', raw: source, text: source });
      return tokens;
    }
    this.#depth++;
    try {
      return super.blockTokens(source, tokens, clipped);
    } finally {
      this.#depth--;
    }
  }

  override inlineTokens(source: string, tokens: Token[] = []): Token[] {
    const count = source.match(marks)?.length ?? 0;
    if (count <= maxMarks && this.#work <= maxWork) {
      this.#work += count ** 2;
      return super.inlineTokens(source, tokens);
    }
    tokens.push({ type: 'text', raw: source, text: source });
    return tokens;
  }
}

/** The blocks of a text in GitHub's Markdown. Each line break is one, as in its comments: models write verse and addresses so. */
export function lexMarkdown(text: string): TokensList {
  return new LimitedLexer({ gfm: true, breaks: true, tokenizer: new LimitedTokenizer() }).lex(text);
}
