// Text in columns.

/**
 * Rows below their heads; a column is as wide as its widest cell. Numbers are told to stand right by a head that begins
 * with `>`.
 */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = heads.map((head) => head.replace(/^>/, ''));
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const cell = (text: string, column: number) =>
    heads[column]!.startsWith('>') ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  return [titles, ...rows].map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}

/** Names with what belongs to them, one a line. */
export function pairs(entries: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}

/** `1 model`, `2 models`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
