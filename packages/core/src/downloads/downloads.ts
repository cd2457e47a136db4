// `lamina.downloads`: finds or creates the download for a request, and controls all downloads of one Lamina.
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Backends } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import type {
  Download,
  Downloadable,
  DownloadRequest,
  Downloads,
  SearchOptions,
  SearchResult,
} from '../contract/downloads.js';
import { LaminaError } from '../contract/errors.js';
import type { Models } from '../contract/models.js';
import type { Json } from '../contract/schema.js';
import type { AddressGuard, DownloadPlan, SourceContext } from '../contract/source.js';
import { abortable } from '../kernel/abort.js';
import { every } from '../kernel/clock.js';
import type { EventBus } from '../kernel/event-bus.js';
import { attachedError } from '../kernel/attached.js';
import type { Hooks } from '../kernel/hooks.js';
import { reasonOf } from '../kernel/reason.js';
import { Semaphore } from '../kernel/semaphore.js';
import { readJournals, removeLeftovers, type DownloadJournal } from './download-journal.js';
import { Job, type JobTools } from './job.js';
import { KnownFiles } from './known-files.js';
import { isOther, Planning, requireModelOrReference, type PlannedDownload } from './planning.js';
import { searchSources } from './search.js';
import type { SourceRegistry } from './source-registry.js';
import { Space } from './space.js';
import { guardedFetch } from './transfer/guarded-fetch.js';
import type { HttpClient } from './transfer/http.js';
import { requireWritable } from './writable.js';

/** How often an attached Lamina reads the journals of the owner, which are written every second. */
const followMs = 1_000;
/** Finished and cancelled downloads that are still listed. */
const maxListed = 100;

/** Downloads models. Call `load` first, and `close` at the end. */
export class DownloadService implements Downloads {
  private readonly jobs = new Map<string, Job>();
  /** Requests whose plan is being made, by their content. */
  private readonly pending = new Map<string, Promise<Job>>();
  private readonly closing = new AbortController();
  private readonly root: string;
  private readonly owner: string;
  private readonly tools: JobTools;
  private readonly planning: Planning;
  private runner: string | undefined;

  constructor(
    private readonly config: Config,
    private readonly models: Models,
    backends: Backends,
    private readonly sources: SourceRegistry,
    hooks: Hooks,
    events: EventBus,
    http: HttpClient,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    const modelsDir = resolve(config.modelsDir);
    const { downloads: limits } = config;
    this.root = join(modelsDir, '.downloads');
    this.owner = resolve(config.dataDir);
    this.planning = new Planning(models, sources, hooks, config);
    this.tools = {
      modelsDir,
      env: config.env,
      models,
      backends,
      hooks,
      events,
      http,
      clock,
      log,
      limits,
      space: new Space(modelsDir, clock),
      running: new Semaphore(limits.maxConcurrent),
      connections: new Semaphore(limits.connections),
      known: new KnownFiles(join(this.owner, 'known-files.json'), log),
      runner: () => this.runner,
      resumes: config.mode === 'owner' && limits.autoResume,
      fetch: (guard) => (guard === undefined ? config.fetch : guardedFetch(http, guard)),
      source: (name) => sources.get(name),
    };
  }

  /**
   * Lists the downloads of an earlier Lamina and resumes those that were queued or active. Failures are logged. An
   * attached Lamina lists those of the owner, and reads them again every second.
   * @param runner identifies the live owner of the data directory
   */
  async load(runner: () => Promise<string | undefined>): Promise<void> {
    await this.tools.known.load();
    if (this.config.mode === 'attached') return this.followOwner(runner);
    this.runner = await runner();
    await removeLeftovers(this.root);
    for (const journal of await this.journals()) {
      const job = this.add(journal);
      await job.clearLeftovers();
      if (job.state !== 'queued') continue;
      await job.start().catch((error: unknown) => {
        this.log.warn({ download: journal.id, reason: reasonOf(error) }, 'Failed to resume a download');
      });
    }
  }

  private async followOwner(runner: () => Promise<string | undefined>): Promise<void> {
    const read = async () => {
      this.runner = await runner();
      const journals = await this.journals();
      this.jobs.clear();
      for (const journal of journals) this.add(journal);
    };
    await read();
    const stop = every(this.clock, followMs, () => void read().catch(() => undefined)); // Read again in a second.
    this.closing.signal.addEventListener('abort', stop, { once: true });
  }

  private async journals(): Promise<readonly DownloadJournal[]> {
    const journals = await readJournals(this.root, (path) =>
      this.log.warn({ path }, 'A download folder has no valid journal and is ignored'),
    );
    return journals.filter(({ owner }) => owner === this.owner);
  }

  async start(
    request: DownloadRequest,
    options: { signal?: AbortSignal; guard?: AddressGuard } = {},
  ): Promise<Download> {
    const { signal = this.closing.signal, guard } = options;
    this.requireOwner();
    this.closing.signal.throwIfAborted();
    requireModelOrReference(request);
    await requireWritable(this.config);
    const name = 'model' in request ? this.models.resolve(request.model).model.name : request.name;
    for (let job = this.unfinished(name); job !== undefined; job = this.unfinished(name)) {
      if (await orAborted(this.continueJob(job, isOther(job.journal.plan, request)), signal)) return job.snapshot();
    }
    if ('model' in request) this.requireAbsent(name!);
    const key = JSON.stringify([request, guard]);
    let pending = this.pending.get(key);
    if (pending === undefined) {
      // It does not end with the signal of the first caller: others may wait for the same download.
      pending = this.create(request, guard).finally(() => this.pending.delete(key));
      this.pending.set(key, pending);
    }
    return (await orAborted(pending, signal)).snapshot();
  }

  list(): readonly Download[] {
    return [...this.jobs.values()].map((job) => job.snapshot());
  }

  get(id: string): Download {
    return this.job(id).snapshot();
  }

  async pause(id: string): Promise<Download> {
    this.requireOwner();
    const job = this.job(id);
    requireOpen(job);
    await job.stop('paused');
    requireOpen(job);
    return job.snapshot();
  }

  async resume(id: string): Promise<Download> {
    this.requireOwner();
    const job = this.job(id);
    requireOpen(job);
    await requireWritable(this.config);
    await job.start();
    requireOpen(job);
    return job.snapshot();
  }

  async cancel(id: string): Promise<Download> {
    this.requireOwner();
    const job = this.job(id);
    await job.stop('cancelled');
    if (job.state === 'finished') requireOpen(job);
    return job.snapshot();
  }

  async remove(id: string): Promise<void> {
    this.requireOwner();
    await this.job(id).stop('cancelled');
    this.jobs.delete(id);
  }

  async wait(id: string, { signal = this.closing.signal }: { signal?: AbortSignal } = {}): Promise<Download> {
    const job = this.job(id);
    let removeListener: () => void = () => undefined;
    const ended = new Promise<Download>((resolve, reject) => {
      const check = () => {
        const { state } = job;
        if (state === 'finished') resolve(job.snapshot());
        else if (state === 'failed') reject(job.error!);
        else if (state === 'paused' || state === 'cancelled')
          reject(new LaminaError('ABORTED', {}, { cause: new Error(`the download is ${state}`) }));
      };
      removeListener = job.onChange(check);
      check();
    });
    return orAborted(ended, AbortSignal.any([signal, this.closing.signal])).finally(removeListener);
  }

  downloadable(): readonly Downloadable[] {
    const sources = new Set(this.sources.list().map(({ name }) => name));
    return this.models.list().flatMap(({ model, entry, available }): Downloadable[] => {
      const known = Object.entries((entry.download ?? {}) as Record<string, Json>).filter(([name]) =>
        sources.has(name),
      );
      const download = this.unfinished(model.name)?.journal.id;
      return available || known.length === 0
        ? []
        : [{ model: model.name, sources: Object.fromEntries(known), ...(download === undefined ? {} : { download }) }];
    });
  }

  search(text: string, { signal, guard, ...options }: SearchOptions = {}): Promise<SearchResult> {
    const ends = signal === undefined ? this.closing.signal : AbortSignal.any([signal, this.closing.signal]);
    return searchSources(this.sources, text, options, this.contextOf(ends, guard));
  }

  /** Stops all downloads. Active ones resume with the next start. */
  async close(): Promise<void> {
    this.closing.abort(new LaminaError('SHUTTING_DOWN', {}));
    await Promise.allSettled(this.pending.values());
    await Promise.all([...this.jobs.values()].map((job) => job.stop('closed')));
    await this.tools.http.close();
  }

  private async create(request: DownloadRequest, guard: AddressGuard | undefined): Promise<Job> {
    const remote = guard !== undefined && !('model' in request);
    const context = this.contextOf(this.closing.signal, guard);
    const planned = await this.planning.plan(request, { ...context, remote });
    // Nothing is awaited between this check and `add`, so that two requests never make two jobs for one model.
    for (let job = this.unfinished(planned.model); job !== undefined; job = this.unfinished(planned.model)) {
      const { source, reference } = job.journal.plan;
      const isOtherPlan = !isDeepStrictEqual([source, reference], [planned.plan.source, planned.plan.reference]);
      if (await this.continueJob(job, isOtherPlan)) return job;
    }
    this.closing.signal.throwIfAborted();
    this.requireAbsent(planned.model, planned.plan);
    const job = this.add(this.newJournal(planned, guard));
    try {
      await job.startNew();
    } catch (error) {
      this.jobs.delete(job.journal.id);
      if (LaminaError.is(error)) throw error;
      const message = `The models directory cannot be written: ${reasonOf(error)}.`;
      throw new LaminaError('CONFLICT', { message }, { cause: error });
    }
    return job;
  }

  private contextOf(signal: AbortSignal, guard: AddressGuard | undefined): SourceContext {
    const guarded = guard === undefined ? {} : { guard };
    return { signal, log: this.log, fetch: this.tools.fetch(guard), ...guarded };
  }

  private newJournal({ model, plan }: PlannedDownload, guard: AddressGuard | undefined): DownloadJournal {
    const id = `dl-${randomBytes(6).toString('hex')}`;
    const createdAt = this.clock.date().toISOString();
    const files = plan.files.map(() => ({ version: {}, held: [] }));
    const guarded = guard === undefined ? {} : { guard };
    return { format: 1, id, owner: this.owner, model, ...guarded, plan, createdAt, state: 'queued', files };
  }

  private add(journal: DownloadJournal): Job {
    const job = new Job(journal, join(this.root, journal.id), this.tools);
    this.jobs.set(journal.id, job);
    const over = [...this.jobs.values()].filter(({ isOver }) => isOver);
    for (const { journal: old } of over.slice(0, Math.max(0, over.length - maxListed))) this.jobs.delete(old.id);
    return job;
  }

  /** Resumes a download for another request. False when it was cancelled, so that the request needs a new one. */
  private async continueJob(job: Job, isOther: boolean): Promise<boolean> {
    if (job.cancelling !== undefined) {
      await job.cancelling.catch(() => undefined);
      return false;
    }
    const { model, id } = job.journal;
    if (isOther) {
      const message = `"${model}" is already being downloaded from another reference (${id}). Wait for it, or cancel it first.`;
      throw new LaminaError('CONFLICT', { message, download: id });
    }
    this.closing.signal.throwIfAborted();
    await job.start();
    return job.state !== 'cancelled';
  }

  private unfinished(model: string | undefined): Job | undefined {
    return [...this.jobs.values()].find((job) => job.journal.model === model && !job.isOver);
  }

  /** `same` in the details of the error: the existing model was downloaded from the requested reference. */
  private requireAbsent(name: string, plan?: DownloadPlan): void {
    const record = this.models.get(name);
    if (record?.available !== true) return;
    const same =
      plan !== undefined &&
      isDeepStrictEqual((record.entry.download as Record<string, unknown> | undefined)?.[plan.source], plan.reference);
    throw new LaminaError('CONFLICT', {
      message: `The model "${name}" already exists. Remove it first, or choose another name.`,
      model: name,
      same,
    });
  }

  private requireOwner(): void {
    if (this.config.mode === 'attached') throw attachedError(this.config, 'downloads');
  }

  private job(id: string): Job {
    const job = this.jobs.get(id);
    if (job === undefined) throw new LaminaError('DOWNLOAD_NOT_FOUND', { download: id });
    return job;
  }
}

function requireOpen(job: Job): void {
  if (job.isOver)
    throw new LaminaError('CONFLICT', {
      message: `The download ${job.journal.id} of "${job.journal.model}" is already ${job.state}.`,
    });
}

/** Rejects with `ABORTED` when the signal is aborted first, or with `SHUTTING_DOWN` when Lamina closes. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return abortable(work, signal).catch((error: unknown) => {
    if (error !== signal.reason || LaminaError.is(error, 'SHUTTING_DOWN')) throw error;
    throw new LaminaError('ABORTED', {}, { cause: error });
  });
}
