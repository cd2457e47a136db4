// The lines of a message that is being typed.

/** What opens and closes a message of several lines. */
const quotes = '"""';

/** Joins lines to a message: those between `"""`, those that end in `\`, and those that were pasted together. */
export class Draft {
  private lines: string[] = [];
  private isQuoted = false;

  /** Whether nothing was entered yet. */
  get isEmpty(): boolean {
    return this.lines.length === 0;
  }

  /**
   * Adds a line; returns the message when it is complete. `continues`: another line follows, whatever this one says, as
   * in a pasted text.
   */
  add(line: string, continues = false): string | undefined {
    if (continues) return this.push(line);
    if (this.isQuoted) return line.endsWith(quotes) ? this.end(line.slice(0, -quotes.length)) : this.push(line);
    if (this.isEmpty && line.startsWith(quotes)) {
      this.isQuoted = true;
      const rest = line.slice(quotes.length);
      return rest === '' ? undefined : this.add(rest);
    }
    return line.endsWith('\\') ? this.push(line.slice(0, -1)) : this.end(line);
  }

  private push(line: string): undefined {
    this.lines.push(line);
  }

  private end(line: string): string {
    const message = [...this.lines, line].join('\n');
    return this.isQuoted ? message.replace(/\n$/, '') : message;
  }
}
