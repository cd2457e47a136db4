// Follows the engine of each model and writes its lines. The lines that wait are those that Lamina keeps anyway, so a disk
// that is slow, full or hung takes no memory: lines that are no longer kept when it works again are lost.
import { resolve } from 'node:path';
import type { EngineLogLine, PluginContext } from '@lamina/core/plugin';
import { fileNameOf } from './file-name.js';
import { LogFile } from './log-file.js';
import type { Options } from './options.js';

/** Time between two attempts when a file cannot be written. */
const retryMs = 1_000;

/** The log files of all models. */
export class ModelLogs {
  /** Models that are followed → done when their files are closed. */
  private readonly followed = new Map<string, Promise<void>>();
  /** Models whose files cannot be written. */
  private readonly failing = new Set<string>();
  private readonly closing = new AbortController();

  constructor(
    private readonly lamina: PluginContext,
    private readonly options: Options,
  ) {}

  /** Writes the kept lines of the model and those that come, until the model is removed or `close`; at most once. */
  record(model: string): void {
    if (this.followed.has(model) || this.closing.signal.aborted || this.lamina.models.get(model) === undefined) return;
    const { directory = '' } = this.options;
    const file = new LogFile(() => resolve(this.lamina.dataDir, directory, fileNameOf(model)), this.options);
    const done = this.follow(model, file).finally(() => {
      this.followed.delete(model);
      this.failing.delete(model);
    });
    this.followed.set(model, done);
  }

  /** Writes the lines that are left, once, and closes the files. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.followed.values());
  }

  private async follow(model: string, file: LogFile): Promise<void> {
    const { signal } = this.closing;
    let last = 0;
    const put = async (line: EngineLogLine): Promise<boolean> => {
      const isWritten = await this.write(model, file, textOf(line, last));
      if (isWritten) last = line.number;
      return isWritten;
    };
    for await (const line of this.lamina.logs.follow(model, { after: last, signal }))
      while (!(await put(line)) && !signal.aborted) await this.pause();
    // Lamina closes: what is left has one attempt. When the model was removed, nothing is left.
    const left = this.lamina.models.get(model) === undefined ? [] : this.lamina.logs.lines(model, { after: last });
    for (const line of left) if (!(await put(line))) break;
    await file.close();
  }

  /** Whether it was written. One warning for all files, until all are written again. */
  private async write(model: string, file: LogFile, text: string): Promise<boolean> {
    try {
      await file.write(text);
    } catch (err) {
      if (this.failing.size === 0)
        this.lamina.log.warn({ err, model }, 'Log files cannot be written; models continue, and lines may be lost');
      this.failing.add(model);
      return false;
    }
    if (this.failing.delete(model) && this.failing.size === 0)
      this.lamina.log.info({ model }, 'Log files are written again');
    return true;
  }

  /** Waits before the next attempt; not when closing. */
  private pause(): Promise<void> {
    const { signal } = this.closing;
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.lamina.clock.after(retryMs, end);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}

/** The line as text; `last` is the number of the last line that was written. */
function textOf({ number, at, stream, text }: EngineLogLine, last: number): string {
  const dropped = number - last - 1;
  const note = dropped > 0 ? `${at} lamina ${dropped} lines are missing here: they could not be written in time\n` : '';
  return `${note}${at} ${stream} ${text}\n`;
}
