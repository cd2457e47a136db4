// The backends of one Lamina: the types that plugins registered and the instances that the manifest configures.
import type {
  Availability,
  Backend,
  BackendChoice,
  BackendRecord,
  Backends,
  BackendType,
  Device,
  Installation,
  InstallOptions,
} from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import type { BackendCandidate } from '../contract/hooks.js';
import type { Model, Models } from '../contract/models.js';
import { isShortage } from '../kernel/shortage.js';
import type { Logger } from '../contract/context.js';
import { nearestHint } from '../kernel/check.js';
import type { Hooks } from '../kernel/hooks.js';
import { withTimeout } from '../kernel/abort.js';
import { mergeOptions, namesOf, type BackendInstance } from './backend-instance.js';
import { attachedError } from '../kernel/attached.js';
import type { Installations } from './installations.js';
import type { Memory } from './memory.js';
import { typeProblem } from './backend-shape.js';
import { findType, makeBackend, missingTypeHint, type BrokenBackend, type Entry } from './make-backend.js';

const probeTimeoutMs = 60_000;

/** The backend that a model runs on, and what its engine says of itself. */
export interface ChosenBackend {
  readonly instance: BackendInstance;
  readonly version?: string;
  readonly devices: readonly Device[];
}

/** Registers backend types, keeps their instances in step with the manifest, and chooses one for a model. */
export class BackendRegistry implements Backends {
  private readonly registered = new Map<string, BackendType>();
  private entries = new Map<string, { readonly fingerprint: string; readonly entry: Entry }>();

  constructor(
    private readonly config: Config,
    private readonly models: Models,
    private readonly installations: Pick<Installations, 'ensure'>,
    private readonly memory: Pick<Memory, 'machine'>,
    private readonly hooks: Hooks,
    private readonly log: Logger,
  ) {}

  /** @throws LaminaError `PLUGIN_INVALID` when a member is missing, or the type or an alias is already registered */
  add(type: BackendType, plugin: string): void {
    const problem = typeProblem(type);
    if (problem !== undefined) throw new LaminaError('PLUGIN_INVALID', { plugin, reason: problem });
    for (const name of namesOf(type)) {
      if (this.typeOf(name) !== undefined)
        throw new LaminaError('PLUGIN_INVALID', { plugin, reason: `the backend type "${name}" is already registered` });
    }
    this.registered.set(type.type, type);
  }

  types(): readonly BackendType[] {
    return [...this.registered.values()];
  }

  async list(options: { refresh?: boolean; signal?: AbortSignal } = {}): Promise<readonly BackendRecord[]> {
    if (options.refresh === true) this.entries.clear();
    const signal = options.signal ?? new AbortController().signal;
    const records = await Promise.all(this.current().map((entry) => this.record(entry, signal)));
    return records.map((record) => withFallback(record, records));
  }

  async install(name: string, { signal, onProgress }: InstallOptions): Promise<Installation> {
    if (this.config.mode === 'attached') throw attachedError(this.config, 'engines');
    const entries = this.current();
    const entry = entries.find((each) => each.name === name) ?? entries.find((each) => this.typeOf(name) === each.type);
    if (entry === undefined)
      throw new LaminaError('REQUEST_INVALID', {
        message: `No backend is called "${name}". Among the backends, ${nearestHint(name, this.names())}`,
      });
    if ('backend' in entry && entry.backend.install !== undefined) {
      const installed = await this.installations.ensure(entry, signal, (update) => onProgress?.(update));
      return { record: await this.record(entry, signal), installed };
    }
    const record = await this.record(entry, signal);
    if (record.availability.available) return { record, installed: false };
    const { reason, hint } = record.availability;
    throw new LaminaError('NOT_SUPPORTED', { message: `Lamina does not install ${entry.name}: ${reason}. ${hint}` });
  }

  /**
   * The backend a model runs on, chosen by the hook `selectBackend` among those that open its format; for a model that
   * names a backend, that one or, while it is not available, its fallbacks.
   * @throws LaminaError `BACKEND_UNAVAILABLE`, `BACKEND_UNREACHABLE`; `MODEL_START_FAILED` when the system is short of
   * files, processes or memory
   */
  async choose(
    model: Model,
    signal: AbortSignal,
    recordOf = (entry: Entry) => this.record(entry, signal, model),
  ): Promise<ChosenBackend> {
    const candidatesOf = (entries: readonly Entry[]) =>
      Promise.all(entries.map(async (entry) => candidate(entry, model, await recordOf(entry))));
    const wanted = this.candidatesFor(model);
    const found = await candidatesOf(wanted);
    const fallbacks = found.some(({ availability }) => availability.available) ? [] : this.fallbacksFor(model, wanted);
    const entries = [...wanted, ...fallbacks];
    const candidates = [...found, ...(await candidatesOf(fallbacks))];
    const name = await this.hooks.run.selectBackend.promise(model, candidates, { signal, log: this.log });
    const at = entries.findIndex((entry) => entry.name === name);
    const chosen = entries[at];
    if (chosen !== undefined && 'backend' in chosen)
      return { instance: chosen, ...engineOf(candidates[at]!.availability) };
    throw unavailable(model, name, candidates);
  }

  chooser(options: { signal?: AbortSignal } = {}): (model: Model) => Promise<BackendChoice> {
    const signal = options.signal ?? new AbortController().signal;
    const records = new Map<Entry, Promise<BackendRecord>>();
    const recordOf = (entry: Entry) => {
      const record = records.get(entry) ?? this.record(entry, signal);
      records.set(entry, record);
      return record;
    };
    return async (model) => {
      try {
        const isServed = (model.base ?? model.of) === undefined;
        const served = isServed ? model : this.models.resolve(model.name).served;
        const { instance, version, devices } = await this.choose(served, signal, recordOf);
        const machine = this.memory.machine(devices);
        const memory = await instance.backend.estimateMemory?.(served, mergeOptions(instance, served), machine);
        return {
          backend: instance.name,
          ...(version === undefined ? {} : { version }),
          ...(memory === undefined ? {} : { memory }),
        };
      } catch (error) {
        signal.throwIfAborted();
        const { reason, hint } = LaminaError.is(error, 'BACKEND_UNAVAILABLE') ? error.details : {};
        return {
          reason: typeof reason === 'string' ? reason : reasonOf(error),
          hint: typeof hint === 'string' ? hint : '',
        };
      }
    };
  }

  /** The instance with this name in the current manifest. */
  instance(name: string): BackendInstance | undefined {
    const entry = this.current().find((candidate) => candidate.name === name);
    return entry !== undefined && 'backend' in entry ? entry : undefined;
  }

  /** The backends of the manifest that cannot be made. */
  problems(): readonly Pick<BrokenBackend, 'name' | 'problems'>[] {
    return this.current().filter((entry): entry is BrokenBackend => !('backend' in entry));
  }

  /** Everything that the key `backend` of a model may say. */
  names(): readonly string[] {
    return [...new Set([...this.current().map(({ name }) => name), ...this.types().flatMap(namesOf)])];
  }

  /**
   * The instances that a model may run on, without asking whether their engines are here; `undefined` when it names a
   * backend that does not exist.
   */
  instancesFor(model: Model): readonly BackendInstance[] | undefined {
    const wanted = this.entriesFor(model);
    const fallbacks = this.fallbacksFor(model, wanted);
    if (wanted.length === 0 && fallbacks.length === 0 && model.backend !== undefined) return undefined;
    const made = wanted.filter((entry): entry is BackendInstance => 'backend' in entry);
    return wanted.length > 0 ? made : fallbacks;
  }

  private typeOf(name: string): BackendType | undefined {
    return findType(this.types(), name);
  }

  /**
   * Every backend of the current manifest; unchanged ones keep their instance, and with it what it knows of its engine.
   */
  private current(): readonly Entry[] {
    const next: typeof this.entries = new Map();
    for (const [name, { type, ...options }] of Object.entries(this.models.manifest.backends))
      this.keepOrMake(next, name, type ?? name, options);
    for (const type of this.types()) {
      const configured = [...next.values()].some(({ entry }) => 'backend' in entry && entry.type === type);
      // One that the manifest configures wrongly is not replaced by one with other options.
      if (!configured && !next.has(type.type) && !needsOptions(type)) this.keepOrMake(next, type.type, type.type, {});
    }
    this.entries = next;
    return [...next.values()].map(({ entry }) => entry);
  }

  private keepOrMake(
    next: typeof this.entries,
    name: string,
    type: string,
    options: Readonly<Record<string, unknown>>,
  ): void {
    const fingerprint = JSON.stringify([type, options]);
    const before = this.entries.get(name);
    next.set(
      name,
      before?.fingerprint === fingerprint
        ? before
        : { fingerprint, entry: makeBackend({ name, type, options }, this.types(), this.config.env) },
    );
  }

  /** The backends that a model names, else all that open its format. */
  private entriesFor({ backend, format }: Model): readonly Entry[] {
    const all = this.current();
    if (backend === undefined) return all.filter((entry) => 'backend' in entry && formatsOf(entry).includes(format));
    const type = this.typeOf(backend);
    const named = all.filter((entry) => entry.name === backend);
    return named.length > 0 ? named : all.filter((entry) => type !== undefined && entry.type === type);
  }

  private candidatesFor(model: Model): readonly Entry[] {
    const found = this.entriesFor(model);
    if (model.backend === undefined || found.length > 0 || this.fallbacksFor(model, []).length > 0) return found;
    const reason = `no backend is called "${model.backend}"`;
    throw new LaminaError('BACKEND_UNAVAILABLE', {
      model: model.name,
      reason,
      hint: missingTypeHint(model.backend, this.types()),
    });
  }

  /** The fallbacks for the backend that a model names, whether they list its name or its type. */
  private fallbacksFor({ backend }: Model, wanted: readonly Entry[]): readonly BackendInstance[] {
    if (backend === undefined) return [];
    const names = [backend, ...wanted.flatMap((entry) => [entry.name, typeName(entry)])];
    return this.current().filter(
      (entry): entry is BackendInstance =>
        'backend' in entry && !wanted.includes(entry) && isFallbackForAny(entry.backend, names),
    );
  }

  /** `model`: the one to start on it. */
  private async record(entry: Entry, signal: AbortSignal, model?: Model): Promise<BackendRecord> {
    if (!('backend' in entry)) {
      const { name, type, reason, hint } = entry;
      return { name, type, formats: [], lifetime: 'owned', availability: { available: false, reason, hint } };
    }
    const { name, type, backend } = entry;
    const { fallbackFor } = backend;
    const availability = await this.probe(backend, signal, model);
    return {
      name,
      type: type.type,
      formats: formatsOf(entry),
      lifetime: type.lifetime,
      availability,
      ...(fallbackFor === undefined ? {} : { fallbackFor }),
    };
  }

  private async probe(backend: Backend, signal: AbortSignal, model: Model | undefined): Promise<Availability> {
    try {
      const timeoutError = () => new Error(`it did not respond within ${probeTimeoutMs / 1000} s`);
      return await withTimeout(signal, probeTimeoutMs, timeoutError, (limited) =>
        backend.probe({ signal: limited, log: this.log, env: this.config.env }),
      );
    } catch (error) {
      if (signal.aborted) throw error;
      // A shortage says nothing about the backend, so no other one may replace it.
      if (model !== undefined && isShortage(error))
        throw new LaminaError('MODEL_START_FAILED', { model: model.name, reason: reasonOf(error) }, { cause: error });
      return { available: false, reason: `the check failed: ${reasonOf(error)}`, hint: 'See the log of Lamina.' };
    }
  }
}

function engineOf(availability: Availability): Omit<ChosenBackend, 'instance'> {
  if (!availability.available) return { devices: [] };
  const { version, devices = [] } = availability;
  return { devices, ...(version === undefined ? {} : { version }) };
}

function candidate(entry: Entry, model: Model, { type, availability }: BackendRecord): BackendCandidate {
  if (!('backend' in entry)) return { backend: entry.name, type, acceptance: { refused: entry.reason }, availability };
  const opens = formatsOf(entry).includes(model.format);
  const acceptance = opens
    ? entry.backend.accepts(model)
    : { refused: `it opens ${formatsOf(entry).join(', ')} and the model is ${model.format}` };
  return { backend: entry.name, type, acceptance, availability };
}

/** Adds to the record of an unavailable backend the fallback that is used instead. */
function withFallback(record: BackendRecord, all: readonly BackendRecord[]): BackendRecord {
  if (record.availability.available) return record;
  const found = all.find(
    ({ availability, fallbackFor }) =>
      availability.available && fallbackFor?.some((name) => name === record.name || name === record.type),
  );
  return found === undefined ? record : { ...record, fallback: found.name };
}

function isFallbackForAny({ fallbackFor = [] }: Backend, names: readonly string[]): boolean {
  return fallbackFor.some((name) => names.includes(name));
}

function typeName({ type }: Entry): string {
  return typeof type === 'string' ? type : type.type;
}

/** Core's tap on `selectBackend`: the available candidate with the highest rank. */
export function highestRank(candidates: readonly BackendCandidate[]): string | undefined {
  const fit = candidates.filter(({ acceptance, availability }) => 'rank' in acceptance && availability.available);
  return fit.sort((a, b) => rankOf(b) - rankOf(a))[0]?.backend;
}

function formatsOf({ backend, type }: BackendInstance): readonly string[] {
  return backend.formats ?? type.formats;
}

/**
 * True for a type that requires options from the manifest, such as the address of a remote: it has no default
 * instance.
 */
function needsOptions({ options, defaults = {} }: BackendType): boolean {
  const required = options['required'];
  return Array.isArray(required) && required.some((name: string) => !Object.hasOwn(defaults, name));
}

function rankOf({ acceptance }: BackendCandidate): number {
  return 'rank' in acceptance ? acceptance.rank : -Infinity;
}

function unavailable(model: Model, chosen: string | undefined, candidates: readonly BackendCandidate[]): LaminaError {
  const details = (reason: string, hint: string) =>
    new LaminaError('BACKEND_UNAVAILABLE', { model: model.name, reason, hint });
  if (chosen !== undefined)
    return details(`a plugin chose the backend "${chosen}", which is not one of its candidates`, '');
  if (candidates.length === 0)
    return details(`no backend opens the format "${model.format}"`, 'Install the plugin of an engine that does.');
  const missing = candidates.flatMap(({ backend, acceptance, availability }) =>
    'rank' in acceptance && !availability.available ? [{ backend, ...availability }] : [],
  );
  const [first] = missing;
  const returning = missing.find(({ retryAfter }) => retryAfter !== undefined);
  if (returning !== undefined)
    return new LaminaError('BACKEND_UNREACHABLE', {
      model: model.name,
      reason: `${returning.backend}: ${returning.reason}`,
      retry_after: returning.retryAfter!,
    });
  if (first !== undefined) return details(`${first.backend}: ${first.reason}`, first.hint);
  const reasons = candidates.map(
    ({ backend, acceptance }) => `${backend}: ${'refused' in acceptance ? acceptance.refused : acceptance.reason}`,
  );
  return details(reasons.join('; '), '');
}
