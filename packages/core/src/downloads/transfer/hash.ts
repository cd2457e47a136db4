// SHA-256 of files while they grow, in a thread of its own that lives as long as there is something to hash.
import { Worker } from 'node:worker_threads';

/** What the thread is told. */
export type HashOrder =
  | { readonly kind: 'begin'; readonly id: number; readonly path: string }
  | {
      readonly kind: 'advance' | 'finish';
      readonly id: number;
      /** The bytes up to here are there, and will not change. */ readonly to: number;
    }
  | { readonly kind: 'drop'; readonly id: number };

/** What it answers. */
export type HashAnswer =
  { readonly id: number; readonly digest: string } | { readonly id: number; readonly error: string };

/** The hash of one file. End it with `finish` or `drop`. */
export interface GrowingHash {
  /** Tells that the file is there up to this byte. */
  advance(to: number): void;
  /** The SHA-256 of the first `to` bytes, in hexadecimal. */
  finish(to: number): Promise<string>;
  drop(): void;
}

interface Waiting {
  resolve(digest: string): void;
  reject(error: Error): void;
}

/** Told of every so many bytes, a thread has less to listen to. */
const stepBytes = 4 * 1024 * 1024;

/** Makes hashes. */
export class Hasher {
  private worker: Worker | undefined;
  private readonly open = new Map<number, Waiting | undefined>();
  private readonly failures = new Map<number, Error>();
  private count = 0;

  /** Begins to hash a file that exists. */
  begin(path: string): GrowingHash {
    const id = (this.count += 1);
    this.worker ??= this.start();
    this.open.set(id, undefined);
    this.tell({ kind: 'begin', id, path });
    let told = 0;
    return {
      advance: (to) => {
        if (to - told < stepBytes) return;
        told = to;
        this.tell({ kind: 'advance', id, to });
      },
      finish: (to) => this.finish(id, to),
      drop: () => this.drop(id),
    };
  }

  /** Ends the thread; hashes that are waited for fail. */
  async close(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    this.fail(new Error('the hashing was ended'));
    await worker?.terminate();
  }

  private finish(id: number, to: number): Promise<string> {
    const failure = this.failures.get(id);
    if (failure !== undefined) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject });
      this.tell({ kind: 'finish', id, to });
    });
  }

  private drop(id: number): void {
    this.failures.delete(id);
    if (!this.open.has(id)) return;
    this.tell({ kind: 'drop', id });
    this.settle(id);
  }

  private start(): Worker {
    const worker = new Worker(new URL('./hash-worker.js', import.meta.url));
    worker.unref();
    worker.on('message', (answer: HashAnswer) => this.hear(answer));
    worker.on('error', (error) => this.fail(error));
    return worker;
  }

  private hear(answer: HashAnswer): void {
    const waiting = this.open.get(answer.id);
    if ('digest' in answer) waiting?.resolve(answer.digest);
    else if (waiting !== undefined) waiting.reject(new Error(answer.error));
    else if (this.open.has(answer.id)) this.failures.set(answer.id, new Error(answer.error));
    this.settle(answer.id);
  }

  private fail(error: Error): void {
    for (const [id, waiting] of this.open) {
      if (waiting === undefined) this.failures.set(id, error);
      else waiting.reject(error);
    }
    this.open.clear();
  }

  private settle(id: number): void {
    this.open.delete(id);
    if (this.open.size > 0 || this.worker === undefined) return;
    void this.worker.terminate();
    this.worker = undefined;
  }

  private tell(order: HashOrder): void {
    this.worker?.postMessage(order);
  }
}
