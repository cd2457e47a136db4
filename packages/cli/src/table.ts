// Formats text in columns.

/** Rows below their headings. A heading that begins with `>` aligns its column to the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = headings.map((heading) => heading.replace(/^>/, ''));
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const cell = (text: string, column: number) =>
    headings[column]!.startsWith('>') ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  return [titles, ...rows].map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
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
