// Replaces what a regular expression matches in a text that comes in pieces.

/** A text: takes its next piece, and returns what of it is decided; with `isLast`, all of it. */
export type Replacer = (piece: string, isLast: boolean) => string;

/** The end of the text so far, where half of a character may stand. */
const end = '(?=[\\ud800-\\udbff]?(?![^]))';

/** The parts of a regular expression with the flag u: escapes, classes, openings of groups, quantifiers, characters. */
const parts =
  /\\(?:u\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..|u.{4}|x..|c.|[pP]\{[^}]*\}|k<[^>]*>|[1-9]\d*|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[\w-]*:|<?[=!]|<[^>]*>))?|[*+?]\??|\{[\d,]+\}\??|[^]/gu;

/**
 * The source of a regular expression that matches every beginning of a match which the end of the text cuts off: each
 * part may also be the end. Lookarounds and references may be anything: a text that only looks like a beginning is held
 * back longer, but nothing is missed.
 */
function beginningOf(source: string): string {
  const closings: string[] = [];
  const open = (opening: string, closing = ')') => (closings.push(closing), opening);
  const cut = source.replace(parts, (part) => {
    if (part === ')') return closings.pop()!;
    if (part === '(?=' || part === '(?!') return open('(?:|(?:', `)${end})`);
    if (part === '(?<=' || part === '(?<!') return open('(?:|');
    if (part.startsWith('(')) return open(part.endsWith(':') ? part : '(?:');
    if (/^\\([1-9]|k<)/.test(part)) return '(?:[^]*)';
    return /^([|*+?]|\{.)/.test(part) ? part : `(?:${part}|${end})`;
  });
  return `(?:${cut})${end}`;
}

/**
 * Returns a function that makes a replacer for a text. In pieces it finds the matches of at most `maxLength` characters.
 * @throws SyntaxError for a source that is not a regular expression
 */
export function patternReplacer(source: string, flags: string, replacement: string, maxLength: number): () => Replacer {
  const full = new RegExp(source, `gu${flags}`);
  const beginning = new RegExp(beginningOf(source), `gu${flags}`);
  const context = source.includes('(?<') ? maxLength : 2; // What a lookbehind or \b may see of the text before.
  return () => {
    let held = '';
    let before = '';
    return (piece, isLast) => {
      const text = before + held + piece;
      let changed = '';
      for (let at = before.length; ;) {
        // What may be a match that is too long is released, not with every piece but when much of it has come.
        beginning.lastIndex = text.length - at > 2 * maxLength ? text.length - maxLength : at;
        const hold = isLast ? text.length : (beginning.exec(text)?.index ?? text.length);
        full.lastIndex = at;
        const match = hold > at ? full.exec(text) : undefined; // Nothing before `hold`, nothing to find.
        if (!match || match.index >= hold) {
          held = text.slice(hold);
          before = text.slice(Math.max(0, hold - context), hold);
          return changed + text.slice(at, hold);
        }
        // Of an empty match, as `a*` has between all characters, nothing is replaced.
        const found = match[0] || String.fromCodePoint(text.codePointAt(match.index)!);
        changed += text.slice(at, match.index) + (match[0] === '' ? found : replacement);
        at = match.index + found.length;
      }
    };
  };
}
