// Starts downloader.ts, hears it, and kills it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Order, Told } from './downloader.js';

/** A download in another process. */
export class Downloading {
  /** The last it said of bytes. */
  done = 0;
  /** How it ended, once it has. */
  ended: Extract<Told, { ended: string }> | undefined;
  private readonly child: ChildProcess;

  /** With `room` no file of it may grow beyond so many bytes: the disk is then as good as full. */
  constructor(order: Order, room?: number) {
    const command = [process.execPath, join(import.meta.dirname, 'downloader.js'), JSON.stringify(order)];
    const limited =
      room === undefined ? command : ['sh', '-c', `trap '' XFSZ; ulimit -f ${room / 512}; exec "$@"`, 'sh', ...command];
    this.child = spawn(limited[0]!, limited.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (told: Told) => {
      if ('done' in told) this.done = told.done;
      else this.ended = told;
    });
  }

  /** Resolves when `wanted` holds after something was said, or it has ended. @throws when the process died by itself */
  async until(wanted: () => boolean): Promise<void> {
    while (this.ended === undefined && !wanted()) {
      const { exitCode, signalCode } = this.child;
      if (exitCode !== null || signalCode !== null)
        throw new Error(`the downloader ended with ${exitCode ?? signalCode}`);
      const heard = new AbortController();
      await Promise.race(['message', 'exit'].map((event) => once(this.child, event, { signal: heard.signal }))).finally(
        () => heard.abort(),
      );
    }
  }

  /** Pauses and resumes. */
  pause(): void {
    this.child.send('pause');
  }

  /** Lets it close. */
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
