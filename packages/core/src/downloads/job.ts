// One download: what it is, what is done with it, and the work itself from the first byte to the manifest.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import type { Clock, Logger } from '../contract/context.js';
import type { EventType } from '../contract/events.js';
import type { Backends } from '../contract/backends.js';
import type { Download, DownloadState } from '../contract/downloads.js';
import type { Models } from '../contract/models.js';
import type { AddressGuard, PlanFile, Source } from '../contract/source.js';
import { removeTemporaryFiles } from '../kernel/atomic-write.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { JobFile, type FileTools } from './job-file.js';
import { removeFolder, writeJournal, type Journal } from './journal.js';
import { entryOf, layoutOf, type Layout } from './layout.js';
import { placeFile } from './place.js';
import { Speed } from './progress.js';
import { diskErrorOf } from './transfer/fault.js';
import type { Permits } from './transfer/permits.js';

const journalMs = 1_000;
const progressMs = 100;

/** What all downloads share. */
export interface JobTools extends FileTools {
  readonly modelsDir: string;
  readonly turns: Permits;
  readonly models: Models;
  readonly backends: Backends;
  readonly hooks: Hooks;
  readonly events: EventBus;
  readonly log: Logger;
  source(name: string): Source | undefined;
  /** What sources fetch with for a download. */
  fetch(guard: AddressGuard | undefined): typeof globalThis.fetch;
}

/** Why a run was ended from outside. */
type Halt = 'paused' | 'cancelled' | 'closed';

/** A download. */
export class Job {
  state: DownloadState;
  error: LaminaError | undefined;
  private readonly files: readonly JobFile[];
  private readonly layout: Layout;
  private readonly speed: Speed;
  private readonly listeners = new Set<() => void>();
  private halt: { readonly controller: AbortController; why?: Halt } | undefined;
  private running: Promise<void> = Promise.resolve();
  /** The last of the starts and stops, which run one after the other. */
  private changing: Promise<unknown> = Promise.resolve();
  private closed = false;
  private leaving: Promise<void> | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    readonly journal: Journal,
    readonly folder: string,
    private readonly tools: JobTools,
  ) {
    const { plan, model, guard } = journal;
    this.state = journal.state === 'active' ? 'queued' : journal.state;
    this.error = journal.error === undefined ? undefined : LaminaError.fromWire(journal.error);
    this.speed = new Speed(tools.clock);
    this.layout = layoutOf(plan, model, tools.models.get(model)?.entry.path, tools.modelsDir);
    const context = { log: tools.log, fetch: tools.fetch(guard), ...(guard === undefined ? {} : { guard }) };
    const common = {
      folder,
      guard,
      locate: (file: PlanFile, signal: AbortSignal) => this.source().locate(file, plan, { ...context, signal }),
      arrived: (bytes: number) => this.speed.add(bytes),
      save: () => this.save(),
    };
    this.files = plan.files.map((file, index) => {
      const place = { ...common, part: `${index}.part`, target: this.layout.target(file) };
      return new JobFile(file, journal.files[index]!, place, tools);
    });
  }

  snapshot(): Download {
    const { id, model, plan, createdAt } = this.journal;
    const files = this.files.map((file) => file.snapshot());
    const done = files.reduce((sum, file) => sum + file.done, 0);
    const total = files.every((file) => file.total !== undefined)
      ? files.reduce((sum, file) => sum + file.total!, 0)
      : undefined;
    const bytesPerSecond = this.state === 'active' ? this.speed.bytesPerSecond : 0;
    const secondsLeft =
      total !== undefined && bytesPerSecond > 0 ? Math.round((total - done) / bytesPerSecond) : undefined;
    return Object.freeze({
      id,
      model,
      source: plan.source,
      reference: plan.reference,
      state: this.state,
      done,
      ...(total === undefined ? {} : { total }),
      bytesPerSecond,
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
      files,
      ...(this.error === undefined ? {} : { error: this.error.toWire() }),
      createdAt,
    });
  }

  /** Bytes it will still write. */
  get missing(): number {
    return this.files.reduce((sum, file) => sum + file.missing, 0);
  }

  get isOver(): boolean {
    return this.state === 'finished' || this.state === 'cancelled';
  }

  /** Settles when it has been cancelled; `undefined` while nobody cancels it. */
  get cancelling(): Promise<void> | undefined {
    return this.leaving;
  }

  /** Hears whenever the state changes. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Begins to work, or goes on, once a stop that is under way has ended. One that is over stays so. */
  start(): Promise<void> {
    return this.inTurn(() => this.startNow());
  }

  /** Ends the work and resolves when it has ended. */
  stop(why: Halt): Promise<void> {
    if (why === 'closed') this.closed = true;
    const stopped = this.inTurn(() => this.stopNow(why));
    if (why === 'cancelled') {
      const leaving: Promise<void> = stopped.finally(() => {
        if (this.leaving === leaving) this.leaving = undefined;
      });
      this.leaving = leaving;
      leaving.catch(() => undefined); // Whoever cancels is told; others only wait.
    }
    return stopped;
  }

  /** Removes what a process that was killed left beside the places of the files. */
  async clearLeftovers(): Promise<void> {
    const directories = new Set(this.files.filter(({ inPlace }) => !inPlace).map(({ place }) => dirname(place.target)));
    await Promise.all([...directories].map((directory) => removeTemporaryFiles(directory)));
  }

  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const next = this.changing.then(change);
    this.changing = next.catch(() => undefined);
    return next;
  }

  private async startNow(): Promise<void> {
    if (this.halt !== undefined || this.isOver || this.closed) return;
    const halt = { controller: new AbortController() };
    this.halt = halt;
    this.error = undefined;
    delete this.journal.error;
    this.journal.state = 'active';
    try {
      await mkdir(this.folder, { recursive: true });
      await this.save();
    } catch (error) {
      this.halt = undefined;
      throw error;
    }
    this.change('queued', 'download.queued');
    this.running = this.work(halt.controller.signal).finally(() => (this.halt = undefined));
  }

  private async stopNow(why: Halt): Promise<void> {
    if (this.halt !== undefined) {
      this.halt.why ??= why;
      this.halt.controller.abort(new LaminaError('ABORTED', {}));
      await this.running;
    }
    if (this.isOver || why === 'closed') return;
    if (why === 'paused' && this.state !== 'paused') await this.pauseNow();
    if (why === 'cancelled') await this.cancelNow();
  }

  private async work(signal: AbortSignal): Promise<void> {
    const end: (() => void)[] = [];
    try {
      end.push(await this.tools.turns.acquire(signal));
      this.speed.reset();
      const startedAt = this.tools.clock.now();
      const { source, total } = this.snapshot();
      this.change('active', 'download.started', { source, ...(total === undefined ? {} : { total }) });
      end.push(
        this.every(progressMs, () => this.tellProgress()),
        this.every(journalMs, () => void this.save().catch((error: unknown) => this.halt?.controller.abort(error))),
      );
      await this.fetchAll(signal, end);
      await this.finish(signal);
      for (const last of end.splice(0)) last();
      this.tellProgress();
      await this.writing;
      await removeFolder(this.folder).catch((error: unknown) => {
        const details = { path: this.folder, reason: reasonOf(error) };
        this.tools.log.warn(details, 'The folder of a finished download cannot be deleted');
      });
      this.change('finished', 'download.finished', {
        bytes: this.snapshot().done,
        ms: this.tools.clock.now() - startedAt,
      });
    } catch (error) {
      for (const last of end.splice(0)) last();
      await this.failed(signal.aborted ? signal.reason : error);
    }
  }

  private async fetchAll(signal: AbortSignal, end: (() => void)[]): Promise<void> {
    end.push(await this.tools.space.reserve(this.journal.id, () => this.missing));
    const controller = new AbortController();
    const both = AbortSignal.any([signal, controller.signal]);
    const results = this.files.map((file) =>
      file.obtain(both).catch((error: unknown) => {
        controller.abort(error);
        throw error;
      }),
    );
    await Promise.allSettled(results);
    signal.throwIfAborted();
    controller.signal.throwIfAborted();
    await this.save();
    this.tools.events.emit('download.verified', { download: this.journal.id, model: this.journal.model });
  }

  /** The hook, the names, the manifest. */
  private async finish(signal: AbortSignal): Promise<void> {
    const { tools, files, layout } = this;
    const { plan, model } = this.journal;
    const { verifyDownload } = tools.hooks.run;
    if (verifyDownload.isUsed()) {
      const looked = files.map((file) => ({
        ...file.plan,
        bytes: file.total!,
        ...(file.record.sha256 ? { sha256: file.record.sha256 } : {}),
        from: { file: file.path, mode: 'in-place' as const },
      }));
      await verifyDownload.promise(plan, looked, { signal, log: tools.log });
    }
    signal.throwIfAborted();
    const digests = new Map<string, string>();
    for (const file of files) {
      if (!file.inPlace) await placeFile(file.path, file.place.target, (path) => file.isSame(path));
      file.placed();
      if (!file.record.sha256) continue; // One that is used in place and that nobody promised a digest of.
      digests.set(file.plan.path, file.record.sha256);
      await tools.known.add(file.place.target, file.record.sha256);
    }
    const before = tools.models.get(model);
    const bytes = files.reduce((sum, file) => sum + (file.total ?? 0), 0);
    const entry = entryOf(
      plan,
      layout,
      before?.model.from === 'manifest' ? before.entry : {},
      bytes,
      digests,
      tools.modelsDir,
    );
    const backend = entry.backend ?? this.backendFor(entry.format ?? formatOf(layout.path));
    await tools.models.save(model, { ...entry, ...(backend === undefined ? {} : { backend }) });
    await tools.models.reload(); // The folder is new: it must not be seen later than the entry.
  }

  /** The type of backend that opens a format; of several the first, in the order the host wrote its plugins. */
  private backendFor(format: string | undefined): string | undefined {
    return this.tools.backends.types().find(({ formats }) => format !== undefined && formats.includes(format))?.type;
  }

  private async failed(error: unknown): Promise<void> {
    const why = this.halt?.why;
    if (why === 'closed') return this.saveOrWarn();
    if (why !== undefined) return; // Whoever stopped it goes on from here.
    this.error = LaminaError.from(diskErrorOf(error, this.folder) ?? error);
    if (this.error.code === 'INTERNAL')
      this.tools.log.error({ download: this.journal.id, err: error }, 'A download failed inside Lamina');
    for (const file of this.files) {
      await file.dropUseless().catch((reason: unknown) => {
        this.tools.log.warn(
          { path: file.path, reason: reasonOf(reason) },
          'The useless part of a failed download cannot be deleted',
        );
      });
    }
    this.journal.state = 'failed';
    this.journal.error = this.error.toWire();
    await this.saveOrWarn();
    this.change('failed', 'download.failed', { error: this.error.toWire() });
  }

  private async pauseNow(): Promise<void> {
    this.journal.state = 'paused';
    await this.saveOrWarn();
    this.change('paused', 'download.paused');
  }

  private async cancelNow(): Promise<void> {
    await this.writing;
    try {
      await removeFolder(this.folder);
    } catch (error) {
      const advice = `Check the permissions of ${this.folder} and cancel it again.`;
      const message = `The download ${this.journal.id} cannot be deleted: ${reasonOf(error)}. ${advice}`;
      throw new LaminaError('CONFLICT', { message }, { cause: error });
    }
    this.change('cancelled', 'download.cancelled');
  }

  /**
   * For a download that has ended: its journal may be lost, as on a full disk; after a restart it then goes on by
   * itself.
   */
  private async saveOrWarn(): Promise<void> {
    await this.save().catch((error: unknown) => {
      this.tools.log.warn(
        { download: this.journal.id, reason: reasonOf(error) },
        'The state of a download cannot be saved; it goes on by itself after a restart',
      );
    });
  }

  /** Brings the journal up to date; one after the other. */
  private save(): Promise<void> {
    const next = this.writing.then(async () => {
      for (const file of this.files) await file.sync();
      await writeJournal(this.folder, this.journal);
    });
    this.writing = next.catch(() => undefined);
    return next;
  }

  private source(): Source {
    const { source } = this.journal.plan;
    const found = this.tools.source(source);
    if (found === undefined)
      throw new LaminaError('NOT_SUPPORTED', {
        message: `This download needs the source "${source}". Add its plugin and resume.`,
      });
    return found;
  }

  private tellProgress(): void {
    const { id, model, done, total, bytesPerSecond } = this.snapshot();
    this.tools.events.emit('download.progress', {
      download: id,
      model,
      done,
      ...(total === undefined ? {} : { total }),
      bytes_per_second: bytesPerSecond,
    });
  }

  private change(
    state: DownloadState,
    type: Exclude<EventType & `download.${string}`, 'download.progress'>,
    more: object = {},
  ): void {
    this.state = state;
    this.tools.events.emit(type, { download: this.journal.id, model: this.journal.model, ...more } as never);
    for (const listener of [...this.listeners]) listener();
  }

  /** Calls back again and again until the answer is called. */
  private every(ms: number, callback: () => void): () => void {
    const clock: Clock = this.tools.clock;
    let cancel = clock.after(ms, tick);
    function tick(): void {
      cancel = clock.after(ms, tick);
      callback();
    }
    return () => cancel();
  }
}

/** The folder of a download below that of all. */
export function folderOf(root: string, id: string): string {
  return join(root, id);
}

function formatOf(path: string): string | undefined {
  return /\.(gguf|safetensors)$/i.exec(path)?.[1]?.toLowerCase();
}
