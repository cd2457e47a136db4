// Helpers for generating Markdown.

/** A comment that marks a page as generated. */
export function generatedFrom(source) {
  return `<!-- Generated from ${source} by \`npm run docs\`. Do not edit. -->`;
}

/** A table; vertical bars in cells are escaped. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** Sections, separated by empty lines. */
export function page(...sections) {
  return `${sections.join('\n\n')}\n`;
}

/** A note for a name that is not used yet. */
export function notYet(reason) {
  return reason === undefined ? '' : ` *Not used yet: comes with ${reason}.*`;
}
