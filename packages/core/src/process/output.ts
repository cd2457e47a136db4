// Reads the output of an engine line by line and keeps the last lines, within a fixed limit.
import { stripVTControlCharacters } from 'node:util';
import type { Readable } from 'node:stream';

const keptLines = 200;
const maxLineLength = 2_000;

/** Called with each complete line. */
export type OnLine = (stream: 'stdout' | 'stderr', text: string) => void;

/**
 * The last 200 lines of both streams, in order of arrival. Lines are cut after 2,000 characters; empty ones are left out.
 */
export class OutputTail {
  private readonly kept: string[] = [];
  private readonly splitters: LineSplitter[] = [];

  /** `secret` is replaced wherever it is printed. */
  constructor(
    private readonly onLine: OnLine,
    private readonly secret?: string,
  ) {}

  /** The kept lines, oldest first. */
  get lines(): readonly string[] {
    return this.kept;
  }

  /** Reads a stream to its end. */
  read(stream: 'stdout' | 'stderr', readable: Readable): void {
    const splitter = new LineSplitter((text) => this.add(stream, text));
    this.splitters.push(splitter);
    readable.on('data', (chunk: Buffer) => splitter.push(chunk));
    readable.on('error', () => undefined); // A broken pipe is an end of output; the exit of the engine says why.
  }

  /** Flushes a last line without a newline. */
  end(): void {
    for (const splitter of this.splitters) splitter.end();
  }

  private add(stream: 'stdout' | 'stderr', text: string): void {
    const plain = stripVTControlCharacters(text).trimEnd();
    const line = this.secret === undefined ? plain : plain.replaceAll(this.secret, '[redacted]');
    if (line === '') return;
    this.kept.push(line);
    if (this.kept.length > keptLines) this.kept.shift();
    this.onLine(stream, line);
  }
}

/**
 * Splits bytes into lines. A carriage return ends a line too: progress bars use it. Bytes that are not UTF-8 become
 * U+FFFD.
 */
class LineSplitter {
  private readonly decoder = new TextDecoder();
  private line = '';
  private cut = false;

  constructor(private readonly onLine: (text: string) => void) {}

  push(chunk: Buffer): void {
    const [first, ...others] = this.decoder.decode(chunk, { stream: true }).split(/[\r\n]/);
    this.append(first!);
    for (const part of others) {
      this.flush();
      this.append(part);
    }
  }

  end(): void {
    this.append(this.decoder.decode());
    this.flush();
  }

  private append(text: string): void {
    const left = maxLineLength - this.line.length;
    this.line += text.slice(0, left);
    this.cut ||= text.length > left;
  }

  private flush(): void {
    this.onLine(this.cut ? `${this.line} …` : this.line);
    this.line = '';
    this.cut = false;
  }
}
