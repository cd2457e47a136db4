// Formats text in columns.
import type { Style } from '@lamina/config';
import width from 'fast-string-width';

/** How a table is laid out. */
export interface TableLayout {
  /** Columns of the terminal; default: as wide as its longest lines. */
  readonly width?: number | undefined;
  readonly style: Style;
}

/** The cells of a row, or a note. */
export type TableRow = readonly string[] | string;

/** Blanks between columns. */
const gap = 2;
/** No column is shortened below this width. */
const minWidth = 10;

/**
 * A table without borders: a line of headings and a line for each row. A heading that begins with `>` is right-aligned. If
 * it is wider than `width`, the widest columns but the first are shortened in the middle; a text of the first that is
 * still too long is on a line of its own, so that it can be copied. A text in place of a row is a note about the row above.
 */
export function table(
  headings: readonly string[],
  rowsAndNotes: readonly TableRow[],
  { width: max = Infinity, style }: TableLayout,
): string {
  const rows = rowsAndNotes.filter((row) => typeof row !== 'string');
  const titles = headings.map((heading) => heading.replace(/^>/, ''));
  let widths = titles.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column]!))));
  const natural = [...widths];
  shrink(widths, titles, max);
  if (sum(widths) > max) {
    // Names that are too long are on lines of their own, so the other columns need not be so narrow.
    const left = max - sum(natural.slice(1)) - gap;
    const names = rows.map((row) => width(row[0]!)).filter((name) => name <= left);
    widths = [Math.max(width(titles[0]!), ...names), ...natural.slice(1)];
    shrink(widths, titles, max);
  }
  const cell = (text: string, column: number) => {
    const fitted = column === 0 ? text : shorten(text, widths[column]!);
    const padding = ' '.repeat(Math.max(0, widths[column]! - width(fitted)));
    return headings[column]!.startsWith('>') ? padding + fitted : fitted + padding;
  };
  const line = (row: readonly string[]) => row.map(cell).join(' '.repeat(gap)).trimEnd();
  return [titles.map((title) => style.dim(title)), ...rowsAndNotes]
    .map((row) => {
      if (typeof row === 'string') return wrap(`  ${row}`, max);
      return width(row[0]!) <= widths[0]! ? line(row) : `${row[0]}\n${line(['', ...row.slice(1)])}`;
    })
    .join('\n');
}

/** The width of columns together. */
function sum(widths: readonly number[]): number {
  return widths.reduce((total, one) => total + one + gap, -gap);
}

/** Makes the widest columns narrower, but the first, until the table fits or nothing can be shortened. */
function shrink(widths: number[], titles: readonly string[], max: number): void {
  while (sum(widths) > max) {
    const widest = Math.max(...widths.slice(1));
    const column = widths.lastIndexOf(widest);
    if (widest <= Math.max(minWidth, width(titles[column] ?? ''))) return;
    widths[column] = widest - 1;
  }
}

/** Shortens text in the middle, because names often differ at their ends. Text with marks keeps its length. */
export function shorten(text: string, max: number): string {
  if (width(text) <= max || text.includes('\u001b')) return text;
  const characters = [...text];
  const kept = Math.max(1, max - 1);
  const end = characters.length - Math.floor(kept / 2);
  return `${characters.slice(0, Math.ceil(kept / 2)).join('')}…${characters.slice(end).join('')}`;
}

/** Words, text in quotes, and commands at the end of a sentence, which are to be copied. */
const unbroken = /(?<=: )lamina .*|(?:"[^"]*"|[^\s"]|")+/g;

/** Breaks lines between words, so that they fit; the next lines of each begin below its first word. */
export function wrap(text: string, max = Infinity): string {
  return text
    .split('\n')
    .map((line) => (width(line) <= max ? line : wrapLine(line, max)))
    .join('\n');
}

/** Text that begins at a column: wrapped, with its further lines below its first word. */
export function wrapAt(column: number, text: string, max = Infinity): string {
  return wrap(text, Math.max(minWidth, max - column)).replaceAll('\n', `\n${' '.repeat(column)}`);
}

function wrapLine(line: string, max: number): string {
  const [indent] = /^ */.exec(line)!;
  const lines = [''];
  for (const [word] of line.matchAll(unbroken)) {
    const longer = lines.at(-1) === '' ? indent + word : `${lines.at(-1)} ${word}`;
    if (lines.at(-1) === '' || width(longer) <= max) lines[lines.length - 1] = longer;
    else lines.push(indent + word);
  }
  return lines.join('\n');
}

/** Names and values, one pair per line. Values that do not fit are continued below. */
export function pairs(entries: readonly (readonly [name: string, value: string])[], max = Infinity): string {
  const longest = Math.max(0, ...entries.map(([name]) => width(name)));
  const indent = longest + 2 * gap;
  return entries
    .map(([name, value]) => `  ${name}${' '.repeat(longest - width(name))}  ${wrapAt(indent, value, max)}`)
    .join('\n');
}

/** `1 model`, `2 models`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
