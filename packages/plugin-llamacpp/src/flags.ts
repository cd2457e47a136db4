// Reads from `llama-server --help` which flags this build has, and which of them take a value.

/** One flag of a build. */
export interface Flag {
  readonly takesValue: boolean;
  /** Placeholder of the value and explanation, as one line. */
  readonly help: string;
}

/** The flags of a build, by every name they have. */
export type Flags = ReadonlyMap<string, Flag>;

/**
 * Reads the flags. An entry begins at the start of a line with all names of the flag, then, one space further, the
 * placeholder of its value; the explanation is a column further right, or on the next lines (common/arg.cpp). Flags
 * that were removed are still listed with an explanation; they are left out.
 */
export function parseHelp(text: string): Flags {
  const flags = new Map<string, Flag>();
  for (const entry of entriesOf(text)) {
    const [, names = '', rest = ''] = /^(--?[A-Za-z][\w.-]*(?:, *--?[A-Za-z][\w.-]*)*)(.*)$/s.exec(entry) ?? [];
    const help = rest.replace(/\s+/g, ' ').trim();
    if (help.includes('the argument has been removed')) continue;
    for (const name of names.split(/[ ,]+/).filter(Boolean)) flags.set(name, { takesValue: /^ \S/.test(rest), help });
  }
  return flags;
}

/** The lines of each flag; headings such as `----- common params -----` end one. */
function entriesOf(text: string): readonly string[] {
  const entries: string[] = [];
  let open = false;
  for (const line of text.split('\n')) {
    const starts = /^--?[A-Za-z]/.test(line);
    if (starts) entries.push(line);
    else if (open && /^\s/.test(line)) entries.push(`${entries.pop() ?? ''}\n${line}`);
    open = starts || (open && /^\s/.test(line));
  }
  return entries;
}
