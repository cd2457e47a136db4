// Tables and other small pieces of Markdown.

/** The first line of a page that is made from code. */
export function madeFrom(source) {
  return `<!-- Made from ${source} by \`npm run docs\`: change it there. -->`;
}

/** A table; cells are texts, a bar in one is escaped. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** Sections with an empty line between them. */
export function page(...sections) {
  return `${sections.join('\n\n')}\n`;
}

/** What is said of a name that nothing uses yet. */
export function notYet(reason) {
  return reason === undefined ? '' : ` *Not in use yet: it comes with ${reason}.*`;
}
