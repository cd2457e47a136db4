// The tokens of a tiny model and which follows which: the sentences it can say, as chains of tokens.

/** Kinds of token, by their number in a GGUF file. */
const kinds = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

/** The tokens with a meaning of their own. The template puts a trigger at the end of the prompt to choose the chain. */
export const special = {
  unknown: '<unk>',
  begin: '<s>',
  end: '</s>',
  system: '<|system|>',
  user: '<|user|>',
  assistant: '<|assistant|>',
  endOfTurn: '<|end|>',
  count: '<|count|>',
  think: '<|think|>',
  tool: '<|tool|>',
} as const;

const thought = ['<think>', 'Let', ' me', ' think', ' hard.', '</think>', 'The', ' answer', ' is', ' forty-two.'];
const toolCall = [
  '<tool_call>',
  '\n',
  '{"name":',
  ' "get_weather",',
  ' "arguments":',
  ' {"city":',
  ' "Paris"}}',
  '\n</tool_call>',
];
const countTo = 200;

/** Tokens in the order of their ids, and the one that follows each. */
export class Vocabulary {
  readonly texts: string[] = [];
  readonly kinds: number[] = [];
  readonly next = new Map<number, number>();
  readonly #ids = new Map<string, number>();

  /** Every token a tiny model needs, with a chain for each sentence; the first follows the assistant's mark. */
  constructor(sentences: readonly string[]) {
    this.#addFixed();
    this.next.set(this.id(special.count), this.#countingRing());
    this.next.set(this.id(special.think), this.#chain(thought));
    this.next.set(this.id(special.tool), this.#chain(toolCall));
    this.starts = sentences.map((sentence) => this.#chain(this.#pieces(sentence)));
    this.next.set(this.id(special.assistant), this.starts[0]!);
  }

  /** The first token of each sentence. */
  readonly starts: readonly number[];

  get size(): number {
    return this.texts.length;
  }

  /** The id of a token that exists. */
  id(text: string): number {
    return this.#ids.get(text)!;
  }

  /** Single printable characters that are no part of a sentence: a raw prompt ends in one of them. */
  characters(): number[] {
    return printable()
      .map((character) => this.id(spelled(character)))
      .filter((id) => !this.next.has(id));
  }

  #addFixed(): void {
    this.#add(special.unknown, kinds.unknown);
    this.#add(special.begin, kinds.control);
    this.#add(special.end, kinds.control);
    for (let byte = 0; byte < 256; byte++)
      this.#add(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, kinds.byte);
    for (const text of Object.values(special)) this.#add(text, kinds.control);
    // A prompt has a token a character, so the usage numbers of a test can be foretold.
    for (const character of printable()) this.#add(spelled(character), kinds.normal);
  }

  #add(text: string, kind: number): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    this.#ids.set(text, this.texts.length);
    this.kinds.push(kind);
    return this.texts.push(text) - 1;
  }

  /**
   * Words with the spaces before them. A token has one successor, so a word that was used before is joined with the
   * next.
   */
  #pieces(sentence: string): string[] {
    const pieces: string[] = [];
    let piece = '';
    for (const word of sentence.match(/ *[^ ]+| +$/g) ?? []) {
      piece += word;
      if (pieces.includes(piece) || this.#isChained(piece)) continue;
      pieces.push(piece);
      piece = '';
    }
    const last = (pieces.pop() ?? '') + piece;
    if (last === '' || this.#isChained(last))
      throw new Error(`A tiny model cannot say "${sentence}": it is empty, or ends as another sentence does.`);
    return [...pieces, last];
  }

  #isChained(piece: string): boolean {
    const id = this.#ids.get(spelled(piece));
    return id !== undefined && this.next.has(id);
  }

  /** Links the pieces, then the end; answers with the first. */
  #chain(pieces: readonly string[]): number {
    const ids = pieces.map((piece) => this.#add(spelled(piece), kinds.normal));
    ids.forEach((id, index) => this.next.set(id, ids[index + 1] ?? this.id(special.end)));
    return ids[0]!;
  }

  /** Numbers in a ring: a model that counts never ends by itself. */
  #countingRing(): number {
    const ids = Array.from({ length: countTo }, (_, index) => this.#add(spelled(` ${index + 1}`), kinds.normal));
    ids.forEach((id, index) => this.next.set(id, ids[(index + 1) % countTo]!));
    return ids[0]!;
  }
}

/** A text as SentencePiece spells it. */
function spelled(text: string): string {
  return text.replaceAll(' ', '\u2581');
}

function printable(): string[] {
  return Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));
}
