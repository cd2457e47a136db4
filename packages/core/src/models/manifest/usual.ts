// Reads YAML the way people mostly write it: block mappings and lists of values that end on their line. Anything else
// it leaves to a library, and whatever it reads, a library reads alike; it takes a fifth of the time, which shows with
// 10,000 models.

/**
 * Printable, and the same to everybody: no tabs, no control characters, no byte order marks, no halves of characters.
 */
const unusualCharacter = /[^\x20-\x7e\n\r\u00a1-\u2027\u202a-\ud7ff]|\r(?!\n)/;

const name = String.raw`[A-Za-z_][\w./@+-]{0,100}(?::[\w./@+-]{1,100})*`;
const doubleQuoted = String.raw`"([^"\\\n]*)"`;
const singleQuoted = String.raw`'([^'\n]*)'(?!')`;
const plainInBlock = plainOf(String.raw`[\w./@+=()&;!?%,'-]`);
const plainInFlow = plainOf(String.raw`[\w./@+=()-]`);
const end = String.raw`(?: +#[^\n]*| *)(?:\r?\n|$)`;

// Sticky ones: each is tried where the reader stands.
const emptyLines = /(?: *(?:#[^\n]*)?\r?(?:\n|$))*/y;
const endOfLine = new RegExp(end, 'y');
const keyAndScalar = new RegExp(`(${name}):(?: +(?:${doubleQuoted}|${singleQuoted}|${plainInBlock}))?${end}`, 'y');
const keyBeforeBracket = new RegExp(String.raw`(${name}): +(?=[[{])`, 'y');
const itemScalar = new RegExp(`- +(?:${doubleQuoted}|${singleQuoted}|${plainInBlock})${end}`, 'y');
const itemBeforeBracket = /- +(?=[[{])/y;
const keyInFlow = new RegExp(`(${name}): +`, 'y');
const scalarInFlow = new RegExp(`(?:${doubleQuoted}|${singleQuoted}|${plainInFlow}) *`, 'y');

const integer = /^(?:0|[1-9]\d{0,14})$/;
const fraction = /^(?:0|[1-9]\d{0,8})\.\d{1,6}$/;
/**
 * What begins with a digit and still is no number in any notation of YAML's: a size such as `7b`, or with other letters
 * than those have.
 */
const textWithDigits = /^\d+(?:\.\d+)?[bBkKmM]$|[g-nq-wyzG-NQ-WYZ/ ]/;
// eslint-disable-next-line no-restricted-syntax -- it is what the libraries make of a key with nothing behind it
const nothing = null;
const words: ReadonlyMap<string, boolean | null> = new Map(
  (
    [
      [nothing, 'null'],
      [true, 'true'],
      [false, 'false'],
    ] as const
  ).flatMap(([value, word]) =>
    [word, word[0]!.toUpperCase() + word.slice(1), word.toUpperCase()].map((spelt) => [spelt, value] as const),
  ),
);
const deepest = 8;
const [blank, dash] = [32, 45];
/** What a line that says nothing has behind its blanks. */
const saysNothing: ReadonlySet<string | undefined> = new Set(['#', '\r', '\n']);

/** Text without quotes: a colon only within a word, blanks only between words. */
function plainOf(character: string): string {
  return String.raw`([A-Za-z0-9_/]${character}*(?:(?::(?=[\w/])| +(?=${character}))${character}*)*)`;
}

/** So many parts has a match of `keyBeforeBracket`: itself and the key. */
const withoutValue = 2;
const noKeys = {};

type Mapping = Record<string, unknown>;

/** A key and what it means. */
export type Pair = readonly [key: string, value: unknown];

/**
 * The data of a text with one key at the top, as a pair: objects that have each a key of their own are slow.
 * `undefined` when anything in it is not usual, right or wrong.
 */
export function readUsual(text: string): Pair | undefined {
  return unusualCharacter.test(text) ? undefined : new UsualReader(text).whole();
}

/**
 * Stands at the first character of a line that says something. Every method answers `undefined` for what is not usual.
 */
class UsualReader {
  private at = 0;
  /** The column of that character; -1 at the end of the text. */
  private column = 0;

  constructor(private readonly text: string) {
    this.nextLine();
  }

  whole(): Pair | undefined {
    const { column } = this;
    const line = column === -1 ? undefined : this.keyLine();
    if (line === undefined || isTaken(noKeys, line[1]!)) return undefined;
    const value = this.valueOf(line, column, 0);
    return value === undefined || this.column !== -1 ? undefined : [line[1]!, value];
  }

  /** The lines that begin in this column, a key each. */
  private mapping(column: number, depth: number): Mapping | undefined {
    const mapping: Mapping = {};
    while (this.column === column) {
      const line = this.keyLine();
      if (line === undefined || isTaken(mapping, line[1]!)) return undefined;
      const value = this.valueOf(line, column, depth);
      if (value === undefined) return undefined;
      mapping[line[1]!] = value;
    }
    return this.column > column ? undefined : mapping;
  }

  private keyLine(): RegExpExecArray | undefined {
    return this.match(keyAndScalar) ?? this.match(keyBeforeBracket);
  }

  private valueOf(line: RegExpExecArray, column: number, depth: number): unknown {
    if (line.length === withoutValue) return this.bracketLine(depth);
    const [, , double, single, plain] = line;
    this.nextLine();
    return double ?? single ?? (plain === undefined ? this.nested(column, depth) : plainValue(plain));
  }

  /** What stands below a key: a block, or nothing. The items of a list may stand in the key's own column. */
  private nested(column: number, depth: number): unknown {
    const isList = this.text.charCodeAt(this.at) === dash;
    if (this.column < column || (this.column === column && !isList)) return nothing;
    if (depth === deepest) return undefined;
    return isList ? this.list(this.column, depth + 1) : this.mapping(this.column, depth + 1);
  }

  private list(column: number, depth: number): readonly unknown[] | undefined {
    const list: unknown[] = [];
    while (this.column === column && this.text.charCodeAt(this.at) === dash) {
      const value = this.item(depth);
      if (value === undefined) return undefined;
      list.push(value);
    }
    return this.column > column ? undefined : list;
  }

  private item(depth: number): unknown {
    const line = this.match(itemScalar);
    if (line === undefined) return this.match(itemBeforeBracket) === undefined ? undefined : this.bracketLine(depth);
    this.nextLine();
    return scalarOf(line);
  }

  /** Brackets or braces that end with their line. */
  private bracketLine(depth: number): unknown {
    const value = this.inFlow(depth);
    if (value === undefined || this.match(endOfLine) === undefined) return undefined;
    this.nextLine();
    return value;
  }

  private inFlow(depth: number): unknown {
    const opening = this.text[this.at];
    if (opening !== '[' && opening !== '{') {
      const scalar = this.match(scalarInFlow);
      return scalar && scalarOf(scalar);
    }
    if (depth === deepest) return undefined;
    this.at += 1;
    this.skipBlanks();
    const value = opening === '[' ? this.sequence(depth + 1) : this.braces(depth + 1);
    this.skipBlanks();
    return value;
  }

  private sequence(depth: number): readonly unknown[] | undefined {
    const list: unknown[] = [];
    if (this.skip(']')) return list;
    do {
      const value = this.inFlow(depth);
      if (value === undefined) return undefined;
      list.push(value);
    } while (this.skip(','));
    return this.skip(']') ? list : undefined;
  }

  private braces(depth: number): Mapping | undefined {
    const mapping: Mapping = {};
    if (this.skip('}')) return mapping;
    do {
      const key = this.match(keyInFlow)?.[1];
      if (key === undefined || isTaken(mapping, key)) return undefined;
      const value = this.inFlow(depth);
      if (value === undefined) return undefined;
      mapping[key] = value;
    } while (this.skip(','));
    return this.skip('}') ? mapping : undefined;
  }

  private nextLine(): void {
    let from = this.at;
    this.skipBlanks();
    if (saysNothing.has(this.text[this.at])) {
      this.match(emptyLines);
      from = this.at;
      this.skipBlanks();
    }
    this.column = this.at === this.text.length ? -1 : this.at - from;
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.at = pattern.lastIndex;
    return found;
  }

  /** Passes over a character, and the blanks behind it, if it is here. */
  private skip(character: string): boolean {
    const isHere = this.text[this.at] === character;
    if (!isHere) return false;
    this.at += 1;
    if (character === ',') this.skipBlanks();
    return true;
  }

  private skipBlanks(): void {
    while (this.text.charCodeAt(this.at) === blank) this.at += 1;
  }
}

function scalarOf([, double, single, plain]: RegExpExecArray): unknown {
  return double ?? single ?? plainValue(plain!);
}

function plainValue(text: string): unknown {
  const word = words.get(text);
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  if (first < 48 || first > 57) return text;
  if (integer.test(text) || fraction.test(text)) return Number(text);
  return textWithDigits.test(text) ? text : undefined;
}

/**
 * True for a key that stands here already, or that is more than a key: a word that means a value, or a name that every
 * object of JavaScript has.
 */
function isTaken(mapping: Mapping, key: string): boolean {
  return mapping[key] !== undefined || words.has(key);
}
