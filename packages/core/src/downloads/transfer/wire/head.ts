// The head of an answer: its status and its headers.
import { Lines } from './lines.js';

const mostBytes = 65_536;

/** The head of an answer. */
export interface Head {
  /** Of HTTP/1.x. */
  readonly minor: number;
  readonly status: number;
  /** Lower-case names; of several of one name the values are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Reads heads out of bytes that come in pieces of any size, until there is one of a final answer. */
export class HeadReader {
  private readonly lines = new Lines(mostBytes);
  private begun: string[] = [];

  /**
   * The head and where its body begins; `undefined` when it goes on in the next bytes.
   * @throws Error for what is no head
   */
  take(bytes: Buffer): { readonly head: Head; readonly end: number } | undefined {
    for (let line = this.lines.next(bytes, 0); line !== undefined; line = this.lines.next(bytes, line.end)) {
      if (line.text !== '' || this.begun.length === 0) this.add(line.text);
      else {
        const head = parse(this.begun);
        if (head.status >= 200) return { head, end: line.end };
        this.begun = []; // An interim answer; the final one follows.
      }
    }
    return undefined;
  }

  private add(line: string): void {
    const first = this.begun.length === 0;
    if (first) statusOf(line); // What is not HTTP is not waited for.
    if (!first && /^[ \t]/.test(line)) this.begun.push(`${this.begun.pop()} ${line.trim()}`);
    else this.begun.push(line);
  }
}

function parse([first, ...lines]: readonly string[]): Head {
  const { minor, status } = statusOf(first!);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`its answer has a line that is no header: "${printable(line)}"`);
    const key = name.toLowerCase();
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${value}` : value!);
  }
  return { minor, status, headers: Object.fromEntries(headers) };
}

function statusOf(line: string): { minor: number; status: number } {
  const [, minor, status] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(line) ?? [];
  if (status === undefined)
    throw new Error(`its answer begins with "${printable(line)}" instead of a status line of HTTP/1.1`);
  if (status === '101') throw new Error('it answers with another protocol, which nobody asked for');
  return { minor: Number(minor), status: Number(status) };
}

function printable(line: string): string {
  return line.slice(0, 60).replace(/[^ -~]/g, '?');
}
