// The remote servers of one Lamina: which of them serve a model, and the one for the next request.
import { isDeepStrictEqual } from 'node:util';
import type { Endpoint } from '../contract/backends.js';
import type { Context, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { Discovery } from '../contract/hooks.js';
import type { Manifest } from '../contract/manifest.js';
import type { Model } from '../contract/models.js';
import { withTimeout } from '../kernel/abort.js';
import { check } from '../kernel/check.js';
import { idleIntervalMs, Remote, type RemoteContext } from './remote.js';
import type { ListedModel } from './remote-models.js';
import { idOf, remoteFormat, remoteOptions, remoteType, type RemoteOptions } from './remote-options.js';

/** How long a scan waits for the lists of remotes that were just configured; later ones are added when they are there. */
const firstListMs = 1_000;

/** A remote offers so many models without entries. */
const maxOffered = 1_000;

/** Keeps the configured remotes, and checks them until the signal of its context is aborted. */
export class Remotes {
  private readonly remotes = new Map<string, Remote>();
  private readonly listeners = new Set<() => void>();
  private scans = 0;

  constructor(
    private readonly context: RemoteContext,
    private readonly log: Logger,
    /** Called when a scan of the models would find something else than the last one. */
    private readonly onChange: () => void = () => undefined,
  ) {}

  /** The remote with this configuration. */
  get(name: string, options: RemoteOptions): Remote {
    const known = this.remotes.get(name);
    if (known !== undefined && isDeepStrictEqual(known.options, options)) return known;
    known?.retire();
    const remote = new Remote(name, options, this.context, (changed) => this.changed(changed));
    this.remotes.set(name, remote);
    return remote;
  }

  /** The remotes that may serve a model: the one its entry names, else all that list it, else those without a list. */
  for(model: Model): readonly Remote[] {
    const { backend } = model;
    const named = backend === undefined ? undefined : this.remotes.get(backend);
    if (named !== undefined) return [named];
    if (backend !== undefined && backend !== remoteType) return [];
    const all = [...this.remotes.values()];
    const listed = all.filter((remote) => remote.lists(idOf(model)) === true);
    return listed.length > 0 ? listed : all.filter((remote) => remote.lists(idOf(model)) === undefined);
  }

  /**
   * The remote for the next request: of those that are well, the one with the fewest requests. `failed` is returned only
   * when there is no other.
   * @throws LaminaError `BACKEND_UNREACHABLE`
   */
  choose(model: Model, failed?: Endpoint): Remote {
    const usable = this.for(model).filter((remote) => remote.isUsable);
    const others = usable.filter(({ baseUrl }) => baseUrl !== failed?.baseUrl);
    const [best] = (others.length > 0 ? others : usable).sort(byPreference);
    if (best === undefined) throw this.unreachable(model);
    // The next choice among equals is another one.
    this.remotes.delete(best.name);
    this.remotes.set(best.name, best);
    return best;
  }

  /** True when no remote of the model responds. */
  isLost(model: Model): boolean {
    const remotes = this.for(model);
    return remotes.length > 0 && remotes.every((remote) => remote.isDead);
  }

  /** Calls `listener` when a remote changed; the returned function removes it. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Offers the models that the configured remotes list. */
  async discover(discovery: Discovery, { signal }: Context): Promise<void> {
    this.scans += 1;
    try {
      this.configure(discovery.manifest);
      const remotes = [...this.remotes.values()];
      const lists = Promise.all(remotes.map(({ first }) => first));
      await withTimeout(
        signal,
        firstListMs,
        () => new Error('not all lists are there'),
        () => lists,
      ).catch(() => signal.throwIfAborted());
      const named = this.idsIn(discovery.manifest);
      const ids = remotes.flatMap(({ models }) => [...(models?.keys() ?? [])].slice(0, maxOffered));
      for (const id of new Set(ids)) if (!named.has(id)) discovery.add(discovered(id));
    } finally {
      this.scans -= 1;
    }
  }

  /** What is known of a model that remotes serve: it has no files, and may not be available. */
  describe(model: Model): Model | undefined {
    const isOurs = model.backend === undefined ? model.format === remoteFormat : model.backendType === remoteType;
    if (!isOurs) return undefined;
    const problem = this.problemOf(model);
    return {
      ...model,
      format: remoteFormat,
      files: [],
      metadata: { ...this.listed(model), ...model.metadata },
      ...(problem === undefined ? {} : { unavailable: problem }),
    };
  }

  /** What the lists of its remotes say about a model; of several contexts the shortest, as a request may go to any. */
  listed(model: Model): ListedModel {
    const listed = this.for(model).flatMap((remote) => remote.listed(idOf(model)) ?? []);
    const contexts = listed.flatMap(({ contextLength }) => contextLength ?? []);
    return { ...listed[0], ...(contexts.length === 0 ? {} : { contextLength: Math.min(...contexts) }) };
  }

  /** Keeps the remotes of the manifest, and begins to watch new ones. */
  private configure({ backends }: Manifest): void {
    const names = new Set<string>();
    for (const [name, { type = name, ...options }] of Object.entries(backends)) {
      if (type !== remoteType || check(remoteOptions, options).length > 0) continue;
      names.add(name);
      const isNew = this.remotes.get(name);
      const remote = this.get(name, options as RemoteOptions);
      if (remote !== isNew) remote.watch();
    }
    for (const [name, remote] of this.remotes) {
      if (names.has(name)) continue;
      remote.retire();
      this.remotes.delete(name);
    }
  }

  /** The ids that entries give another name. */
  private idsIn({ models }: Manifest): ReadonlySet<unknown> {
    const ours = Object.values(models).filter(
      ({ backend = '', format }) => this.remotes.has(backend) || backend === remoteType || format === remoteFormat,
    );
    return new Set(ours.map(({ options }) => (options as Model['options'] | undefined)?.['id']));
  }

  private problemOf(model: Model): string | undefined {
    const id = idOf(model);
    const [first, ...others] = this.for(model);
    // Another plugin may have discovered it.
    if (first === undefined)
      return model.from === 'manifest' && this.remotes.size > 0 ? `no remote has the model "${id}"` : undefined;
    if ([first, ...others].every(({ problem }) => problem !== undefined)) return first.problem;
    return first.lists(id) === false
      ? `its server does not have the model "${id}"; set options.id to the name that it has there`
      : undefined;
  }

  private unreachable(model: Model): LaminaError {
    const [remote] = this.for(model);
    const reason =
      remote === undefined ? 'no remote has it' : `${remote.name}: ${remote.suspicion ?? 'it is not used'}`;
    return new LaminaError('BACKEND_UNREACHABLE', { model: model.name, reason, retry_after: idleIntervalMs / 1000 });
  }

  private changed({ name, problem, isDead }: Remote): void {
    if (isDead) this.log.warn({ backend: name, reason: problem }, 'A remote server does not respond');
    for (const listener of [...this.listeners]) listener();
    if (this.scans === 0) this.onChange();
  }
}

function discovered(id: string): Model {
  return {
    name: id,
    files: [],
    format: remoteFormat,
    aliases: [],
    options: {},
    pinned: false,
    limits: {},
    from: 'discovered',
  };
}

function byPreference(a: Remote, b: Remote): number {
  const doubt = (remote: Remote) => (remote.suspicion === undefined ? 0 : 1);
  return doubt(a) - doubt(b) || a.open - b.open;
}
