// One download: its state, its work from the first byte to the manifest entry, and how it is stopped.
import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import type { Backends } from '../contract/backends.js';
import type { Logger } from '../contract/context.js';
import type { Download, DownloadState } from '../contract/downloads.js';
import { LaminaError } from '../contract/errors.js';
import type { EventType } from '../contract/events.js';
import type { Models } from '../contract/models.js';
import type { AddressGuard, PlanFile, Source } from '../contract/source.js';
import { removeTemporaryFiles } from '../kernel/atomic-write.js';
import { every } from '../kernel/clock.js';
import type { EventBus } from '../kernel/event-bus.js';
import { expandModelPath } from '../kernel/written-path.js';
import type { Hooks } from '../kernel/hooks.js';
import { reasonOf } from '../kernel/reason.js';
import type { Semaphore } from '../kernel/semaphore.js';
import { JobFile, type FileTools } from './download-file.js';
import { removeFolder, stateOf, writeJournal, type DownloadJournal } from './download-journal.js';
import { backendTypeFor, entryOf, formatOf, layoutOf, type Layout } from './layout.js';
import { placeFile } from './place-file.js';
import { progressOf, snapshotOf } from './snapshot.js';
import { TransferSpeed } from './transfer-speed.js';
import { diskErrorOf } from './transfer/transfer-error.js';

const journalMs = 1_000;
const progressMs = 100;
/** Files of one download that are open at the same time; more than its connections, so that checking one delays none. */
const maxOpenFiles = 32;

/** What all downloads share. */
export interface JobTools extends FileTools {
  readonly modelsDir: string;
  /** The environment that paths of the manifest may use. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Limits the downloads that run at once. */
  readonly running: Semaphore;
  readonly models: Models;
  readonly backends: Backends;
  readonly hooks: Hooks;
  readonly events: EventBus;
  readonly log: Logger;
  source(name: string): Source | undefined;
  /** Identifies the live owner of the data directory, which is this Lamina unless it is attached. */
  runner(): string | undefined;
  /** Whether downloads that an owner left behind are resumed. */
  readonly resumes: boolean;
  /** The fetch that sources use for a download. */
  fetch(guard: AddressGuard | undefined): typeof globalThis.fetch;
}

/** Why a download is stopped; `closed`: Lamina closes, and the download resumes with the next start. */
type JobStopReason = 'paused' | 'cancelled' | 'closed';

/** A download. */
export class Job {
  state: DownloadState;
  error: LaminaError | undefined;
  private readonly files: readonly JobFile[];
  private readonly layout: Layout;
  private readonly speed: TransferSpeed;
  private readonly listeners = new Set<() => void>();
  /** Set while it runs. */
  private run: { readonly controller: AbortController; reason?: JobStopReason; ended: Promise<void> } | undefined;
  /** Runs its starts and stops one after the other. */
  private readonly changes = pLimit(1);
  private readonly saves = pLimit(1);
  private closed = false;
  /** Settles when it is cancelled; `undefined` while nobody cancels it. */
  cancelling: Promise<void> | undefined;

  constructor(
    readonly journal: DownloadJournal,
    readonly folder: string,
    private readonly tools: JobTools,
  ) {
    const { plan, model, guard } = journal;
    this.state = stateOf(journal, tools.runner(), tools.resumes);
    this.error = journal.error === undefined ? undefined : LaminaError.fromWire(journal.error);
    this.speed = new TransferSpeed(tools.clock);
    const written = tools.models.get(model)?.entry.path;
    // A path that cannot be used is refused when a download is requested.
    const entryPath = written === undefined ? undefined : expandModelPath(written, tools.env).path;
    this.layout = layoutOf(plan, model, entryPath, tools.modelsDir);
    const context = { log: tools.log, fetch: tools.fetch(guard), ...(guard === undefined ? {} : { guard }) };
    this.files = plan.files.map((file, index) => {
      const fileContext = {
        folder,
        partPath: join(folder, `${index}.part`),
        target: this.layout.target(file),
        guard,
        locate: (planned: PlanFile, signal: AbortSignal) => this.source().locate(planned, plan, { ...context, signal }),
        onWritten: (bytes: number) => this.speed.add(bytes),
        save: () => this.save(),
      };
      return new JobFile(file, journal.files[index]!, fileContext, tools);
    });
  }

  snapshot(): Download {
    const files = this.files.map((file) => file.snapshot());
    const bytesPerSecond = this.state === 'active' ? this.speed.bytesPerSecond : 0;
    return snapshotOf(this.journal, { state: this.state, error: this.error, files, bytesPerSecond });
  }

  /** True when it has finished or was cancelled. */
  get isOver(): boolean {
    return this.state === 'finished' || this.state === 'cancelled';
  }

  /** Calls the listener after every change of the state. The answer removes it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Starts or resumes the download, after a stop in progress has ended. Does nothing when it is over. */
  start(): Promise<void> {
    return this.changes(() => this.startNow());
  }

  /**
   * Starts a new download, unless it could not end: no space, or another file where one of its files belongs. It then
   * is as if it had been cancelled.
   * @throws LaminaError `DISK_FULL`, `CONFLICT`
   */
  startNew(): Promise<void> {
    return this.changes(async () => {
      try {
        for (const file of this.files) await file.checkTarget();
        (await this.reserveSpace())();
        await this.startNow();
      } catch (error) {
        this.state = 'cancelled'; // Whoever joins it meanwhile makes a new one.
        await removeFolder(this.folder).catch(() => undefined);
        throw error;
      }
    });
  }

  /** Stops the download; resolves when its work has ended. */
  stop(reason: JobStopReason): Promise<void> {
    if (reason === 'closed') this.closed = true;
    const stopped = this.changes(() => this.stopNow(reason));
    if (reason === 'cancelled') {
      const cancelling: Promise<void> = stopped.finally(() => {
        if (this.cancelling === cancelling) this.cancelling = undefined;
      });
      this.cancelling = cancelling;
      cancelling.catch(() => undefined); // The caller of `stop` gets the error.
    }
    return stopped;
  }

  /** Removes temporary files that a killed process left beside the final paths. */
  async clearLeftovers(): Promise<void> {
    const directories = new Set(this.files.filter(({ inPlace }) => !inPlace).map(({ target }) => dirname(target)));
    await Promise.all([...directories].map((directory) => removeTemporaryFiles(directory)));
  }

  private async startNow(): Promise<void> {
    if (this.run !== undefined || this.isOver || this.closed) return;
    this.error = undefined;
    delete this.journal.error;
    this.journal.state = 'queued';
    this.journal.runner = this.tools.runner();
    await mkdir(this.folder, { recursive: true });
    await this.save();
    const run = { controller: new AbortController(), ended: Promise.resolve() };
    this.run = run;
    this.setState('queued', 'download.queued');
    run.ended = this.work(run.controller.signal).finally(() => (this.run = undefined));
  }

  private async stopNow(reason: JobStopReason): Promise<void> {
    if (this.run !== undefined) {
      this.run.reason ??= reason;
      this.run.controller.abort(new LaminaError('ABORTED', {}));
      await this.run.ended;
    }
    if (this.isOver || reason === 'closed') return;
    if (reason === 'cancelled') await this.deleteFiles();
    else if (this.journal.state !== 'paused') {
      this.journal.state = 'paused';
      await this.saveOrWarn();
      this.setState('paused', 'download.paused');
    }
  }

  private async work(signal: AbortSignal): Promise<void> {
    let release: () => void = () => undefined;
    // The timers of the clock are unreferenced: without this, the process could exit during the pause before a retry.
    const keepAlive = setInterval(() => undefined, 60_000);
    try {
      release = await this.tools.running.acquire(signal);
      const { clock, log } = this.tools;
      const startedAt = clock.now();
      this.speed.reset();
      const { source, total } = this.snapshot();
      this.journal.state = 'active';
      this.setState('active', 'download.started', { source, ...(total === undefined ? {} : { total }) });
      await this.withProgress(async () => {
        await this.transferFiles(signal);
        await this.install(signal);
      });
      this.emitProgress();
      await this.saves(() => undefined);
      await removeFolder(this.folder).catch((error: unknown) => {
        log.warn({ path: this.folder, reason: reasonOf(error) }, 'Failed to delete the folder of a finished download');
      });
      this.setState('finished', 'download.finished', { bytes: this.snapshot().done, ms: clock.now() - startedAt });
    } catch (error) {
      await this.onFailure(signal.aborted ? signal.reason : error);
    } finally {
      clearInterval(keepAlive);
      release();
    }
  }

  /** Emits progress and writes the journal again and again while `work` runs. */
  private async withProgress(work: () => Promise<void>): Promise<void> {
    const stopProgress = every(this.tools.clock, progressMs, () => this.emitProgress());
    const stopSaving = every(this.tools.clock, journalMs, () => {
      this.save().catch((error: unknown) => this.run?.controller.abort(error));
    });
    await work().finally(() => {
      stopProgress();
      stopSaving();
    });
  }

  private async transferFiles(signal: AbortSignal): Promise<void> {
    const { id, model } = this.journal;
    const release = await this.reserveSpace();
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    setMaxListeners(0, either);
    const open = pLimit(maxOpenFiles);
    const obtain = (file: JobFile) => (either.aborted ? undefined : file.obtain(either));
    await Promise.all(
      this.files.map((file) => open(obtain, file).catch((error: unknown) => failed.abort(error))),
    ).finally(release);
    either.throwIfAborted();
    await this.save();
    this.tools.events.emit('download.verified', { download: id, model });
  }

  /** Resolves with a function that ends the reservation. @throws LaminaError `DISK_FULL` */
  private reserveSpace(): Promise<() => void> {
    const { space } = this.tools;
    return space.reserve(this.journal.id, () => this.files.reduce((sum, file) => sum + file.missing, 0));
  }

  /** Runs the hook, gives the files their final names, and writes the manifest entry. */
  private async install(signal: AbortSignal): Promise<void> {
    const { models, backends, hooks, known, modelsDir, env, log } = this.tools;
    const { plan, model } = this.journal;
    const { verifyDownload } = hooks.run;
    if (verifyDownload.isUsed())
      await verifyDownload.promise(
        plan,
        this.files.map((file) => file.asPlanFile()),
        { signal, log },
      );
    signal.throwIfAborted();
    const digests = new Map<string, string>();
    for (const file of this.files) {
      if (!file.inPlace) await placeFile(file.path, file.target, (path) => file.isSame(path));
      file.onPlaced();
      if (!file.record.sha256) continue;
      digests.set(file.plan.path, file.record.sha256);
      await known.add(file.target, file.record.sha256);
    }
    const record = models.get(model);
    const existing = record?.model.from === 'manifest' ? record.entry : {};
    const bytes = this.files.reduce((sum, file) => sum + (file.total ?? 0), 0);
    const entry = entryOf(plan, this.layout, existing, bytes, digests, modelsDir, env);
    const format = entry.format ?? formatOf(this.layout.path);
    const backend = entry.backend ?? backendTypeFor(format, backends.types());
    await models.save(model, { ...entry, ...(backend === undefined ? {} : { backend }) });
  }

  private async onFailure(error: unknown): Promise<void> {
    const reason = this.run?.reason;
    if (reason === 'closed') return this.saveOrWarn();
    if (reason !== undefined) return; // `stopNow` does the rest.
    const { log } = this.tools;
    this.error = LaminaError.from(diskErrorOf(error, this.folder) ?? error);
    if (this.error.code === 'INTERNAL')
      log.error({ download: this.journal.id, err: error }, 'A download failed with an internal error');
    for (const file of this.files) {
      await file.deleteUseless().catch((cause: unknown) => {
        log.warn({ path: file.path, reason: reasonOf(cause) }, 'Failed to delete the file of a failed download');
      });
    }
    this.journal.state = 'failed';
    this.journal.error = this.error.toWire();
    await this.saveOrWarn();
    this.setState('failed', 'download.failed', { error: this.error.toWire() });
  }

  private async deleteFiles(): Promise<void> {
    await this.saves(() => undefined);
    try {
      await removeFolder(this.folder);
    } catch (error) {
      const advice = `Check the permissions of ${this.folder} and cancel the download again.`;
      const message = `The download ${this.journal.id} cannot be deleted: ${reasonOf(error)}. ${advice}`;
      throw new LaminaError('CONFLICT', { message }, { cause: error });
    }
    this.setState('cancelled', 'download.cancelled');
  }

  /** For a download that has stopped: without its journal, as on a full disk, it resumes after a restart. */
  private async saveOrWarn(): Promise<void> {
    await this.save().catch((error: unknown) => {
      const details = { download: this.journal.id, reason: reasonOf(error) };
      this.tools.log.warn(details, 'Failed to save the state of a download; it will resume after a restart');
    });
  }

  /** Flushes the files and writes the journal. Calls run one after the other. */
  private save(): Promise<void> {
    return this.saves(async () => {
      for (const file of this.files) await file.sync();
      await writeJournal(this.folder, this.journal);
    });
  }

  private source(): Source {
    const { source } = this.journal.plan;
    const found = this.tools.source(source);
    if (found !== undefined) return found;
    const message = `The source "${source}" of this download is not installed. Add its plugin and resume the download.`;
    throw new LaminaError('NOT_SUPPORTED', { message });
  }

  private emitProgress(): void {
    this.tools.events.emit('download.progress', progressOf(this.snapshot()));
  }

  private setState(
    state: DownloadState,
    event: Exclude<EventType & `download.${string}`, 'download.progress'>,
    details: object = {},
  ): void {
    this.state = state;
    this.tools.events.emit(event, { download: this.journal.id, model: this.journal.model, ...details } as never);
    for (const listener of [...this.listeners]) listener();
  }
}
