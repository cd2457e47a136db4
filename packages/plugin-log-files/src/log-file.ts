// A file that is rotated by size, and that can be written again after a disk failed.
import { basename, dirname } from 'node:path';
import type { Writable } from 'node:stream';
import type { Options } from './options.js';

/** Opened by the first text; its directory is created then. */
export class LogFile {
  private stream: Writable | undefined;
  /** The last text failed: a part of it may be in the file. */
  private isTorn = false;

  /** `path` is called each time the file is opened; what it throws is an error of `write`. */
  constructor(
    private readonly path: () => string,
    private readonly options: Options,
  ) {}

  /** Writes a text; resolves when the operating system has it. After an error, the next call opens the file again. */
  async write(text: string): Promise<void> {
    try {
      const stream = (this.stream ??= await this.open());
      const whole = this.isTorn ? `\n${text}` : text;
      await new Promise<void>((resolve, reject) => {
        stream.write(whole, (error) => (error ? reject(error) : resolve()));
      });
      this.isTorn = false;
    } catch (error) {
      this.stream = undefined;
      this.isTorn = true;
      throw error;
    }
  }

  /** Never fails: what could not be written was an error of `write`. */
  async close(): Promise<void> {
    const { stream } = this;
    if (stream !== undefined) await new Promise<void>((resolve) => void stream.end(() => resolve()));
  }

  private async open(): Promise<Writable> {
    const { createStream } = await import('rotating-file-stream'); // Loaded by the first line.
    const path = this.path();
    const { max_size = '10M', max_files = 5 } = this.options;
    const stream = createStream(basename(path), {
      path: dirname(path),
      size: max_size,
      rotate: max_files,
      mode: 0o600,
    });
    return stream.on('error', () => undefined); // `write` reports it, and without a listener it would end the process.
  }
}
