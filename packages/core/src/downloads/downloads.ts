// The downloads of one Lamina: what `lamina.downloads` is.
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import type { Json } from '../contract/schema.js';
import type { AddressGuard, DownloadPlan } from '../contract/source.js';
import type { Backends } from '../contract/backends.js';
import type { Download, Downloadable, DownloadRequest, Downloads } from '../contract/downloads.js';
import type { Models } from '../contract/models.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { attachedError } from '../kernel/attached.js';
import { folderOf, Job, type JobTools } from './job.js';
import { readJournals, removeFolder, removeLeftovers, type Journal } from './journal.js';
import { KnownFiles } from './known-files.js';
import { Planning, type Planned } from './planning.js';
import type { SourceRegistry } from './sources.js';
import { Space } from './space.js';
import { guardedFetch } from './transfer/guarded-fetch.js';
import { Hasher } from './transfer/hash.js';
import type { HttpClient } from './transfer/http.js';
import { Permits } from './transfer/permits.js';

/** Downloads that are over and still listed. */
const mostKept = 100;

/** Fetches models. Call `load` once before anything else, and `close` at the end. */
export class DownloadService implements Downloads {
  private readonly jobs = new Map<string, Job>();
  /** Requests that are being planned, by what they ask for. */
  private readonly planned = new Map<string, Promise<Job>>();
  private readonly closing = new AbortController();
  private readonly root: string;
  private readonly owner: string;
  private readonly tools: JobTools;
  private readonly planning: Planning;

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
    this.planning = new Planning(models, sources, hooks, modelsDir, reservedPaths(config));
    this.tools = {
      modelsDir,
      models,
      backends,
      hooks,
      events,
      http,
      clock,
      log,
      limits,
      space: new Space(modelsDir, clock),
      turns: new Permits(limits.active),
      permits: new Permits(limits.connections),
      hasher: new Hasher(),
      known: new KnownFiles(join(this.owner, 'known-files.json'), log),
      fetch: (guard) => (guard === undefined ? config.fetch : guardedFetch(http, guard)),
      source: (name) => sources.list().find((source) => source.name === name),
    };
  }

  /** Goes on with what an earlier Lamina left, or only lists it. What cannot go on is logged. */
  async load(): Promise<void> {
    await this.tools.known.load();
    if (this.config.mode === 'owner') await removeLeftovers(this.root);
    const journals = await readJournals(this.root, (path) =>
      this.log.warn({ path }, 'A folder of downloads has no journal that can be read; it is left alone'),
    );
    const resumes = this.config.downloads.resume && this.config.mode === 'owner';
    for (const journal of journals.filter(({ owner }) => owner === this.owner)) {
      const job = this.add(journal);
      if (this.config.mode === 'owner') await job.clearLeftovers();
      if (journal.state === 'active' && resumes)
        await job
          .start()
          .catch((error: unknown) =>
            this.log.warn({ download: journal.id, reason: reasonOf(error) }, 'A download cannot go on'),
          );
    }
  }

  async start(
    request: DownloadRequest,
    options: { signal?: AbortSignal; guard?: AddressGuard } = {},
  ): Promise<Download> {
    const { signal = this.closing.signal, guard } = options;
    this.requireOwner();
    this.closing.signal.throwIfAborted();
    checkRequest(request);
    const name = 'model' in request ? this.models.resolve(request.model).model.name : request.name;
    for (let job = this.unfinished(name); job !== undefined; job = this.unfinished(name)) {
      if (await untilAborted(this.goOn(job, isOther(job, request)), signal)) return job.snapshot();
    }
    if ('model' in request) this.requireAbsent(name!);
    const key = JSON.stringify([request, guard]);
    let planned = this.planned.get(key);
    if (planned === undefined) {
      // The plan outlives the first who asked for it: others may wait for the same.
      planned = this.make(request, guard).finally(() => this.planned.delete(key));
      this.planned.set(key, planned);
    }
    return (await untilAborted(planned, signal)).snapshot();
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
    let listening: () => void = () => undefined;
    const ended = new Promise<Download>((settle, reject) => {
      const look = () => {
        if (job.state === 'finished') settle(job.snapshot());
        else if (job.state === 'failed') reject(job.error!);
        else if (job.state === 'paused' || job.state === 'cancelled')
          reject(new LaminaError('ABORTED', {}, { cause: new Error(`the download is ${job.state}`) }));
      };
      listening = job.onChange(look);
      look();
    });
    return untilAborted(ended, AbortSignal.any([signal, this.closing.signal])).finally(() => listening());
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

  /** Ends all transfers; those under way go on with the next Lamina. */
  async close(): Promise<void> {
    this.closing.abort(new LaminaError('SHUTTING_DOWN', {}));
    await Promise.allSettled(this.planned.values());
    await Promise.all([...this.jobs.values()].map((job) => job.stop('closed')));
    await this.tools.hasher.close();
    await this.tools.http.close();
  }

  private async make(request: DownloadRequest, guard: AddressGuard | undefined): Promise<Job> {
    const remote = guard !== undefined && !('model' in request);
    const given = guard === undefined ? {} : { guard };
    const context = { signal: this.closing.signal, log: this.log, fetch: this.tools.fetch(guard), remote, ...given };
    const planned = await this.planning.plan(request, context);
    // After the last look at what is there, the new job is added without waiting for anything: two requests make one
    // job.
    for (let job = this.unfinished(planned.model); job !== undefined; job = this.unfinished(planned.model)) {
      const { source, reference } = job.journal.plan;
      const isOtherPlan = !isDeepStrictEqual([source, reference], [planned.plan.source, planned.plan.reference]);
      if (await this.goOn(job, isOtherPlan)) return job;
    }
    this.closing.signal.throwIfAborted();
    this.requireAbsent(planned.model, planned.plan);
    const job = this.add(this.journalOf(planned, guard));
    try {
      await job.start();
    } catch (error) {
      this.jobs.delete(job.journal.id);
      await removeFolder(job.folder).catch(() => undefined);
      throw LaminaError.is(error)
        ? error
        : new LaminaError(
            'CONFLICT',
            { message: `The models directory cannot be written: ${reasonOf(error)}.` },
            { cause: error },
          );
    }
    return job;
  }

  private journalOf({ model, plan }: Planned, guard: AddressGuard | undefined): Journal {
    const id = `dl-${randomBytes(6).toString('hex')}`;
    const createdAt = new Date(this.clock.now()).toISOString();
    const files = plan.files.map(() => ({ version: {}, held: [] }));
    const given = guard === undefined ? {} : { guard };
    return { format: 1, id, owner: this.owner, model, ...given, plan, createdAt, state: 'active', files };
  }

  private add(journal: Journal): Job {
    const job = new Job(journal, folderOf(this.root, journal.id), this.tools);
    this.jobs.set(journal.id, job);
    const over = [...this.jobs.values()].filter(({ isOver }) => isOver);
    for (const { journal: old } of over.slice(0, Math.max(0, over.length - mostKept))) this.jobs.delete(old.id);
    return job;
  }

  /**
   * Goes on with a download for another request. False when it is cancelled meanwhile, so that the request needs one
   * of its own.
   */
  private async goOn(job: Job, isOther: boolean): Promise<boolean> {
    if (job.cancelling !== undefined) {
      await job.cancelling.catch(() => undefined);
      return false;
    }
    const { model, id } = job.journal;
    if (isOther) {
      const message = `"${model}" is being downloaded from elsewhere (${id}). Wait for it, or cancel it first.`;
      throw new LaminaError('CONFLICT', { message, download: id });
    }
    this.closing.signal.throwIfAborted();
    await job.start();
    return job.state !== 'cancelled';
  }

  private unfinished(model: string | undefined): Job | undefined {
    return [...this.jobs.values()].find((job) => job.journal.model === model && !job.isOver);
  }

  /** `same` in the details tells that it is here from the very reference that is asked for. */
  private requireAbsent(name: string, plan?: DownloadPlan): void {
    const record = this.models.get(name);
    if (record?.available !== true) return;
    const same =
      plan !== undefined &&
      isDeepStrictEqual((record.entry.download as Record<string, unknown> | undefined)?.[plan.source], plan.reference);
    throw new LaminaError('CONFLICT', {
      message: `The model "${name}" is already here. Remove it first, or choose another name.`,
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

function checkRequest(request: DownloadRequest): void {
  const { model, reference } = request as { model?: unknown; reference?: unknown };
  if ((model === undefined) === (reference === undefined))
    throw new LaminaError('REQUEST_INVALID', {
      message: 'A download is asked for with either "model", a model of the manifest, or "reference", what to fetch.',
    });
}

/** Whether a request is for something else than what a download fetches. */
function isOther({ journal: { plan } }: Job, request: DownloadRequest): boolean {
  if ('reference' in request) return JSON.stringify(plan.reference) !== JSON.stringify(request.reference);
  return request.source !== undefined && request.source !== plan.source;
}

/** Where no model may be put: what Lamina keeps for itself. */
function reservedPaths({ dataDir, modelsDir, manifest }: Config): readonly string[] {
  const file = typeof manifest === 'string' ? manifest : join(modelsDir, 'models.yaml');
  return [dataDir, file].map((path) => resolve(path));
}

function requireOpen(job: Job): void {
  if (job.isOver)
    throw new LaminaError('CONFLICT', {
      message: `The download ${job.journal.id} of "${job.journal.model}" is ${job.state} already.`,
    });
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((settle, reject) => {
    const left = () =>
      reject(
        LaminaError.is(signal.reason, 'SHUTTING_DOWN')
          ? signal.reason
          : new LaminaError('ABORTED', {}, { cause: signal.reason }),
      );
    if (signal.aborted) left();
    signal.addEventListener('abort', left, { once: true });
    work.then(settle, reject).finally(() => signal.removeEventListener('abort', left));
  });
}
