// Formats text in columns.

/**
 * Rows below their headings. A heading that begins with `>` aligns its column to the right. When the table is wider than
 * `width` columns, a long text of the first column is on a line of its own, so that it can be copied.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  width: number = Infinity,
): string {
  const titles = headings.map((heading) => heading.replace(/^>/, ''));
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const others = widths.slice(1).reduce((sum, one) => sum + 2 + one, 0);
  widths[0] = Math.max(titles[0]!.length, Math.min(widths[0]!, width - others));
  const lines = [titles, ...rows].flatMap((row) =>
    row[0]!.length <= widths[0]! ? [row] : [row.slice(0, 1), ['', ...row.slice(1)]],
  );
  const cell = (text: string, column: number) =>
    headings[column]!.startsWith('>') ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  return lines.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}

/** Names and values, one pair per line. */
export function pairs(entries: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}

/** `1 model`, `2 models`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
