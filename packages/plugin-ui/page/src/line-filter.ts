// Filters lines by a regular expression that a person writes, so that none can stop the page.

/**
 * An expression is applied to so many characters of a line. With two repetitions, such as `.*.*x`, the worst line then
 * takes 0.4 s; with three, 30 s (measured).
 */
const searched = 500;

/** An expression has at most so many repetitions without an end. */
const maxRepetitions = 2;

/** A longer expression is searched as text. */
const longest = 100;

/** How long all lines together may take, in milliseconds. */
const budget = 200;

const notRegular = 'This is not a regular expression, so it is searched as text.';
const tooSlow = 'This expression can take too long, so it is searched as text.';

/** A filter. Case is ignored. */
export class LineFilter {
  #pattern: RegExp | undefined;
  #note: string | undefined;
  readonly #text: string;

  /** @param expression A regular expression; one that is not valid, or can take long, is searched as text. */
  constructor(readonly expression: string) {
    this.#text = expression.toLowerCase();
    if (canTakeLong(expression)) {
      this.#note = tooSlow;
      return;
    }
    try {
      this.#pattern = new RegExp(expression, 'i');
    } catch {
      this.#note = notRegular;
    }
  }

  /** Why the expression is searched as text; `undefined` when it is not. */
  get note(): string | undefined {
    return this.#note;
  }

  /** The lines that match. @param textOf The text of a line. */
  apply<Line>(lines: readonly Line[], textOf: (line: Line) => string): readonly Line[] {
    if (this.expression === '') return lines;
    const end = performance.now() + budget;
    const matching = lines.filter((line) => {
      if (this.#pattern !== undefined && performance.now() > end) {
        this.#pattern = undefined;
        this.#note = tooSlow;
      }
      return this.#matches(textOf(line));
    });
    return this.#note === tooSlow ? lines.filter((line) => this.#matches(textOf(line))) : matching;
  }

  #matches(line: string): boolean {
    return this.#pattern?.test(line.slice(0, searched)) ?? line.toLowerCase().includes(this.#text);
  }
}

/**
 * Whether an expression can take exponential time, which nothing interrupts: when something repeats that itself repeats
 * or has alternatives, or when there are many repetitions. It also says so of some that are fast.
 */
function canTakeLong(expression: string): boolean {
  if (expression.length > longest) return true;
  const plain = expression.replace(/\\./gs, 'x').replace(/\[[^\]]*\]/g, 'x');
  if (count(plain, /[*+{]/g) > maxRepetitions || count(plain, /[^(*+?}]\?/g) > 8) return true;
  const innermost = /\(([^()]*)\)([*+{]?)/;
  let rest = plain;
  for (let group = innermost.exec(rest); group !== null; group = innermost.exec(rest)) {
    const repeats = /[*+{|]|[^(]\?/.test(group[1]!);
    if (repeats && group[2] !== '') return true;
    rest = rest.replace(group[0], (repeats ? 'x|' : 'x') + group[2]!);
  }
  return false;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
