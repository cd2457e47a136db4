// Starts downloader.ts, follows its progress, and kills it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Order, Report } from './downloader.js';

/** A download in another process. */
export class Downloading {
  /** The last progress it reported, in bytes. */
  done = 0;
  /** How it ended; undefined while it runs. */
  ended: Extract<Report, { ended: string }> | undefined;
  private readonly child: ChildProcess;

  /** With `maxFileBytes`, no file may grow beyond that size, as on a full disk. */
  constructor(order: Order, { maxFileBytes, env = {} }: { maxFileBytes?: number; env?: Record<string, string> } = {}) {
    const command = [process.execPath, join(import.meta.dirname, 'downloader.js'), JSON.stringify(order)];
    const limited =
      maxFileBytes === undefined
        ? command
        : ['sh', '-c', `trap '' XFSZ; ulimit -f ${maxFileBytes / 512}; exec "$@"`, 'sh', ...command];
    this.child = spawn(limited[0]!, limited.slice(1), {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.child.on('message', (report: Report) => {
      if ('done' in report) this.done = report.done;
      else this.ended = report;
    });
  }

  /**
   * Resolves when `wanted` holds after a report, or the download has ended. @throws when the process exits by
   * itself
   */
  async until(condition: () => boolean): Promise<void> {
    while (this.ended === undefined && !condition()) {
      const { exitCode, signalCode } = this.child;
      if (exitCode !== null || signalCode !== null)
        throw new Error(`the downloader ended with ${exitCode ?? signalCode}`);
      const received = new AbortController();
      await Promise.race(
        ['message', 'exit'].map((event) => once(this.child, event, { signal: received.signal })),
      ).finally(() => received.abort());
    }
  }

  /** Pauses and resumes. */
  pause(): void {
    this.child.send('pause');
  }

  /** Closes its Lamina. */
  async close(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.send('close');
    await gone;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}
