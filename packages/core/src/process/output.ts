// What an engine prints, line by line, and the last of it kept: bounded whatever it prints.
import { stripVTControlCharacters } from 'node:util';
import type { Readable } from 'node:stream';

const keptLines = 200;
const longestLine = 2_000;

/** Hears each line as it is complete. */
export type OnLine = (stream: 'stdout' | 'stderr', text: string) => void;

/**
 * The last 200 lines of both streams, in the order they came. A line is cut after 2,000 characters; empty ones are left
 * out.
 */
export class OutputTail {
  private readonly kept: string[] = [];
  private readonly splitters: LineSplitter[] = [];

  /** `secret` is replaced wherever it is printed. */
  constructor(
    private readonly onLine: OnLine,
    private readonly secret?: string,
  ) {}

  /** The lines that are kept, oldest first. */
  get lines(): readonly string[] {
    return this.kept;
  }

  /** Reads a stream to its end. */
  read(stream: 'stdout' | 'stderr', readable: Readable): void {
    const splitter = new LineSplitter((text) => this.add(stream, text));
    this.splitters.push(splitter);
    readable.on('data', (chunk: Buffer) => splitter.push(chunk));
    readable.on('error', () => undefined); // A pipe that breaks is an end; why the engine ended is told by its exit.
  }

  /** Takes what is left without a newline for a line. */
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
 * Splits bytes into lines. A carriage return ends one too: progress bars are written with it. Bytes that are no UTF-8
 * become U+FFFD.
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
    const room = longestLine - this.line.length;
    this.line += text.slice(0, room);
    this.cut ||= text.length > room;
  }

  private flush(): void {
    this.onLine(this.cut ? `${this.line} …` : this.line);
    this.line = '';
    this.cut = false;
  }
}
