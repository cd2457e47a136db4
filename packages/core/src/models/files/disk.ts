// A thread that looks at disks: it lists directories and reads headers, so that a disk that is slow holds up nobody who
// is served.
import { Worker } from 'node:worker_threads';
import type { FileFacts } from './file-facts.js';
import { Listing, type ListedDirectory } from './listing.js';

/** The state of a file when it was looked at. */
export interface FileVersion {
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** A file with what it told. */
export interface KnownFile extends FileVersion {
  readonly facts: FileFacts;
}

/** What the thread is told. */
export type DiskOrder =
  | { readonly kind: 'list'; readonly id: number; readonly path: string }
  | {
      readonly kind: 'walk';
      readonly id: number;
      readonly path: string;
      /** So many levels of directories below. */ readonly depth: number;
    }
  | {
      readonly kind: 'facts';
      readonly id: number;
      readonly path: string;
      /** When it is still so, nothing is read. */ readonly known: FileVersion | undefined;
    };

/**
 * What it answers. A walk has several answers, the last of which is `done`; `file` is missing when it is as it was
 * known.
 */
export type DiskAnswer =
  | { readonly id: number; readonly directories: readonly ListedDirectory[]; readonly done: boolean }
  | {
      readonly id: number;
      readonly file?: KnownFile;
      /** The place of its chat template in the message's. */ readonly template?: number;
    };

/** Many answers in one JSON text. Chat templates are long and mostly the same: each stands once. */
export interface DiskMessage {
  readonly answers: readonly DiskAnswer[];
  readonly templates: readonly string[];
}

interface Waiting {
  hear(answer: DiskAnswer): void;
  fail(error: Error): void;
}

/** Looks at disks. It begins its thread when it is first asked. */
export class Disk {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private orders: DiskOrder[] = [];
  private count = 0;
  private over: Error | undefined;

  /** The names in a directory; none when there is no such directory, or it may not be read. */
  list(path: string): Promise<Listing> {
    return new Promise((resolve, reject) => {
      const hear = (answer: DiskAnswer) => 'directories' in answer && resolve(new Listing(answer.directories[0]!));
      this.ask({ kind: 'list', id: this.nextId(), path }, { hear, fail: reject });
    });
  }

  /** Tells `take` of a directory and of all directories below, hidden ones and links left out. */
  walk(path: string, depth: number, take: (path: string, listing: Listing) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const hear = (answer: DiskAnswer) => {
        if (!('directories' in answer)) return;
        for (const listed of answer.directories) take(listed.path, new Listing(listed));
        if (answer.done) resolve();
      };
      this.ask({ kind: 'walk', id: this.nextId(), path, depth }, { hear, fail: reject });
    });
  }

  /** What a file tells; `undefined` when it is as it was `known`. */
  facts(path: string, known: FileVersion | undefined): Promise<KnownFile | undefined> {
    return new Promise((resolve, reject) => {
      const hear = (answer: DiskAnswer) => resolve('directories' in answer ? undefined : answer.file);
      this.ask({ kind: 'facts', id: this.nextId(), path, known }, { hear, fail: reject });
    });
  }

  /** Ends the thread; whoever waits for it, or asks from now on, is given the reason. */
  async close(reason: Error): Promise<void> {
    const { worker } = this;
    this.over = reason;
    this.fail(reason);
    await worker?.terminate();
  }

  private nextId(): number {
    return (this.count += 1);
  }

  /** What is asked for together goes to the thread together. */
  private ask(order: DiskOrder, waiting: Waiting): void {
    if (this.over !== undefined) return waiting.fail(this.over);
    if (this.orders.length === 0) setImmediate(() => this.send());
    this.orders.push(order);
    this.waiting.set(order.id, waiting);
  }

  private send(): void {
    const { orders } = this;
    this.orders = [];
    if (this.waiting.size === 0) return; // It was closed meanwhile.
    this.worker ??= this.start();
    this.worker.ref();
    this.worker.postMessage(orders);
  }

  private start(): Worker {
    const worker = new Worker(new URL('./disk-worker.js', import.meta.url));
    worker.on('message', (message: string) => {
      const { answers, templates } = JSON.parse(message) as DiskMessage;
      for (const answer of answers) {
        if ('template' in answer)
          Object.assign(answer.file!.facts.metadata!, { chatTemplate: templates[answer.template!] });
        this.hear(answer);
      }
    });
    worker.on('error', (error) => this.fail(error));
    return worker;
  }

  /** A thread without work does not keep the process alive. */
  private hear(answer: DiskAnswer): void {
    const waiting = this.waiting.get(answer.id);
    if (!('done' in answer) || answer.done) this.waiting.delete(answer.id);
    if (this.waiting.size === 0) this.worker?.unref();
    waiting?.hear(answer);
  }

  private fail(error: Error): void {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    this.worker = undefined;
    for (const waiting of all) waiting.fail(error);
  }
}
