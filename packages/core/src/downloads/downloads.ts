// The downloads of one Lamina: what `lamina.downloads` is.
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { inject, injectable } from 'inversify';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError, reasonOf } from '../contract/errors.js';
import type { Json } from '../contract/schema.js';
import type { DownloadPlan } from '../contract/source.js';
import type { Backends, Download, Downloadable, DownloadRequest, Downloads, Models } from '../contract/services.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { guestError } from '../kernel/guest.js';
import { tokens } from '../kernel/tokens.js';
import { folderOf, Job, type JobTools } from './job.js';
import { readJournals, type Journal } from './journal.js';
import { KnownFiles } from './known-files.js';
import { Planning, type Planned } from './planning.js';
import { SourceRegistry } from './sources.js';
import { Space } from './space.js';
import { Hasher } from './transfer/hash.js';
import { HttpClient } from './transfer/http.js';
import { Permits } from './transfer/permits.js';

/** Downloads that are over and still listed. */
const mostKept = 100;

/** Fetches models. Call `load` once before anything else, and `close` at the end. */
@injectable()
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
    @inject(tokens.Config) private readonly config: Config,
    @inject(tokens.Models) private readonly models: Models,
    @inject(tokens.Backends) backends: Backends,
    @inject(SourceRegistry) private readonly sources: SourceRegistry,
    @inject(tokens.Hooks) hooks: Hooks,
    @inject(tokens.Events) events: EventBus,
    @inject(HttpClient) http: HttpClient,
    @inject(tokens.Clock) private readonly clock: Clock,
    @inject(tokens.Log) private readonly log: Logger,
  ) {
    const modelsDir = resolve(config.modelsDir);
    const { downloads: limits } = config;
    this.root = join(modelsDir, '.downloads');
    this.owner = resolve(config.dataDir);
    this.planning = new Planning(models, sources, hooks);
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
      space: new Space(modelsDir),
      turns: new Permits(limits.active),
      permits: new Permits(limits.connections),
      hasher: new Hasher(),
      known: new KnownFiles(join(this.owner, 'known-files.json')),
      source: (name) => sources.list().find((source) => source.name === name),
    };
  }

  /** Goes on with what an earlier Lamina left, or only lists it. What cannot go on is logged. */
  async load(): Promise<void> {
    await this.tools.known.load();
    const journals = await readJournals(this.root, (path) => this.log.warn({ path }, 'A folder of downloads has no journal that can be read; it is left alone'));
    const resumes = this.config.downloads.resume && !this.config.guest;
    for (const journal of journals.filter(({ owner }) => owner === this.owner)) {
      const job = this.add(journal);
      if (journal.state === 'active' && resumes) await job.start().catch((error: unknown) => this.log.warn({ download: journal.id, reason: reasonOf(error) }, 'A download cannot go on'));
    }
  }

  async start(request: DownloadRequest, { signal = this.closing.signal, remote = false }: { signal?: AbortSignal; remote?: boolean } = {}): Promise<Download> {
    this.requireOwner();
    this.closing.signal.throwIfAborted();
    checkRequest(request);
    const name = 'model' in request ? this.models.resolve(request.model).model.name : request.name;
    const present = name === undefined ? undefined : this.unfinished(name);
    if (present !== undefined) return this.goOn(present, request);
    if ('model' in request) this.requireAbsent(name!);
    const key = JSON.stringify(name ?? request);
    let planned = this.planned.get(key);
    if (planned === undefined) {
      // The plan outlives the first who asked for it: others may wait for the same.
      planned = this.make(request, remote).finally(() => this.planned.delete(key));
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
    return job.snapshot();
  }

  async resume(id: string): Promise<Download> {
    this.requireOwner();
    const job = this.job(id);
    requireOpen(job);
    await job.start();
    return job.snapshot();
  }

  async cancel(id: string): Promise<Download> {
    this.requireOwner();
    const job = this.job(id);
    if (job.state === 'finished') requireOpen(job);
    await job.stop('cancelled');
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
        else if (job.state === 'paused' || job.state === 'cancelled') reject(new LaminaError('ABORTED', {}, { cause: new Error(`the download is ${job.state}`) }));
      };
      listening = job.onChange(look);
      look();
    });
    return untilAborted(ended, AbortSignal.any([signal, this.closing.signal])).finally(() => listening());
  }

  downloadable(): readonly Downloadable[] {
    const sources = new Set(this.sources.list().map(({ name }) => name));
    return this.models.list().flatMap(({ model, entry, available }): Downloadable[] => {
      const known = Object.entries((entry.download ?? {}) as Record<string, Json>).filter(([name]) => sources.has(name));
      const download = this.unfinished(model.name)?.journal.id;
      return available || known.length === 0 ? [] : [{ model: model.name, sources: Object.fromEntries(known), ...(download === undefined ? {} : { download }) }];
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

  private async make(request: DownloadRequest, remote: boolean): Promise<Job> {
    // What the operator wrote into the manifest is trusted, whoever asks for it.
    const guarded = remote && !('model' in request);
    const planned = await this.planning.plan(request, { signal: this.closing.signal, log: this.log, remote: guarded });
    const present = this.unfinished(planned.model);
    if (present !== undefined) {
      await present.start();
      return present;
    }
    this.requireAbsent(planned.model, planned.plan);
    const job = this.add(this.journalOf(planned, guarded));
    try {
      await job.start();
    } catch (error) {
      this.jobs.delete(job.journal.id);
      throw LaminaError.is(error) ? error : new LaminaError('CONFLICT', { message: `The models directory cannot be written: ${reasonOf(error)}.` }, { cause: error });
    }
    return job;
  }

  private journalOf({ model, plan }: Planned, remote: boolean): Journal {
    const files = plan.files.map(() => ({ version: {}, held: [] }));
    return { format: 1, id: `dl-${randomBytes(6).toString('hex')}`, owner: this.owner, model, remote, plan, createdAt: new Date(this.clock.now()).toISOString(), state: 'active', files };
  }

  private add(journal: Journal): Job {
    const job = new Job(journal, folderOf(this.root, journal.id), this.tools);
    this.jobs.set(journal.id, job);
    const over = [...this.jobs.values()].filter(({ isOver }) => isOver);
    for (const { journal: old } of over.slice(0, Math.max(0, over.length - mostKept))) this.jobs.delete(old.id);
    return job;
  }

  private async goOn(job: Job, request: DownloadRequest): Promise<Download> {
    const { plan } = job.journal;
    const other = 'reference' in request ? JSON.stringify(plan.reference) !== JSON.stringify(request.reference) : request.source !== undefined && request.source !== plan.source;
    if (other) throw new LaminaError('CONFLICT', { message: `"${job.journal.model}" is being downloaded from elsewhere (${job.journal.id}). Wait for it, or cancel it first.`, download: job.journal.id });
    await job.start();
    return job.snapshot();
  }

  private unfinished(model: string): Job | undefined {
    return [...this.jobs.values()].find((job) => job.journal.model === model && !job.isOver);
  }

  /** `same` in the details tells that it is here from the very reference that is asked for. */
  private requireAbsent(name: string, plan?: DownloadPlan): void {
    const record = this.models.get(name);
    if (record?.available !== true) return;
    const same = plan !== undefined && isDeepStrictEqual((record.entry.download as Record<string, unknown> | undefined)?.[plan.source], plan.reference);
    throw new LaminaError('CONFLICT', { message: `The model "${name}" is already here. Remove it first, or choose another name.`, model: name, same });
  }

  private requireOwner(): void {
    if (this.config.guest) throw guestError(this.config, 'downloads');
  }

  private job(id: string): Job {
    const job = this.jobs.get(id);
    if (job === undefined) throw new LaminaError('DOWNLOAD_NOT_FOUND', { download: id });
    return job;
  }
}

function checkRequest(request: DownloadRequest): void {
  const { model, reference } = request as { model?: unknown; reference?: unknown };
  if ((model === undefined) === (reference === undefined)) throw new LaminaError('REQUEST_INVALID', { message: 'A download is asked for with either "model", a model of the manifest, or "reference", what to fetch.' });
}

function requireOpen(job: Job): void {
  if (job.isOver) throw new LaminaError('CONFLICT', { message: `The download ${job.journal.id} of "${job.journal.model}" is ${job.state} already.` });
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((settle, reject) => {
    const left = () => reject(LaminaError.is(signal.reason, 'SHUTTING_DOWN') ? signal.reason : new LaminaError('ABORTED', {}, { cause: signal.reason }));
    if (signal.aborted) left();
    signal.addEventListener('abort', left, { once: true });
    work.then(settle, reject).finally(() => signal.removeEventListener('abort', left));
  });
}
