// From a model's name to a running server: choose the backend, check what can be checked, start the engine.
import type { Machine, MemoryEstimate, ModelServer, ServerInfo } from '../contract/backends.js';
import type { Config, RuntimeLimits } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import type { Model, Models } from '../contract/models.js';
import type { Clock, Logger } from '../contract/context.js';
import type { OrphanReaper } from '../contract/processes.js';
import { describeProblems } from '../kernel/check.js';
import type { EventBus } from '../kernel/event-bus.js';
import { fileBytes } from '../kernel/file-bytes.js';
import type { Hooks } from '../kernel/hooks.js';
import { isFallback, mergeOptions, type BackendInstance } from './backend-instance.js';
import type { BackendRegistry, ChosenBackend } from './backends.js';
import { estimatedNeed, unknownNeed, type Memory, type StartMemory } from './memory.js';
import { expandPathOptions } from './path-options.js';
import type { Installations } from './installations.js';
import type { LearnedMemory } from './learned-memory.js';
import type { MemorySampler } from './memory-sampler.js';

/** Limits of one model, in milliseconds. */
export interface Limits {
  readonly loadMs: number;
  readonly drainMs: number;
  readonly stopMs: number;
  readonly idleMs: number;
}

/** A start that is known to be possible. */
export interface PreparedStart {
  readonly model: Model;
  readonly adapters: readonly Model[];
  readonly instance: BackendInstance;
  readonly options: Readonly<Record<string, unknown>>;
  readonly limits: Limits;
  readonly memory: StartMemory;
  /** Two of these that are equal would start the same server. */
  readonly fingerprint: string;
  /** How many requests the server may serve at once; `undefined`: no limit. */
  capacity(info: ServerInfo): number | undefined;
}

/** Called with the progress of a start. */
export type OnProgress = (update: { stage: string; ratio?: number }) => void;

/** Prepares and starts model servers; holds no state. */
export class Launcher {
  constructor(
    private readonly config: Config,
    private readonly models: Models,
    private readonly backends: BackendRegistry,
    private readonly installations: Installations,
    private readonly memory: Memory,
    private readonly learned: LearnedMemory,
    private readonly sampler: MemorySampler,
    private readonly hooks: Hooks,
    private readonly events: EventBus,
    private readonly processes: OrphanReaper,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /**
   * Everything about a start that can be checked before other models are evicted for it.
   * @throws LaminaError `MODEL_NOT_FOUND`, `MODEL_FILES_MISSING`, `BACKEND_UNAVAILABLE`, `CONFIG_INVALID`
   */
  async prepare(name: string, signal: AbortSignal): Promise<PreparedStart> {
    this.requireFiles(name);
    const model = await this.models.describe(name);
    const chosen = await this.backends.choose(model, signal);
    const prepared = this.prepared(model, chosen.instance);
    this.warnOfFallback(prepared);
    return { ...prepared, ...(await this.memoryOf(prepared, chosen, signal)) };
  }

  /**
   * The routes that its server will have, as far as the type of its backend says them; none when it cannot run.
   * @throws LaminaError `ABORTED`
   */
  async endpointsOf(model: Model, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return (await this.backends.choose(model, signal)).instance.type.endpoints ?? [];
    } catch (error) {
      if (signal.aborted) throw new LaminaError('ABORTED', {}, { cause: error });
      return [];
    }
  }

  /**
   * The fingerprint of a start on this backend with the current manifest; `undefined` when it could not start.
   */
  fingerprint(name: string, backend: string): string | undefined {
    const model = this.models.get(name)?.model;
    const instance = this.backends.instance(backend);
    if (model === undefined || instance === undefined) return undefined;
    try {
      return this.prepared(model, instance).fingerprint;
    } catch {
      return undefined;
    }
  }

  /**
   * Starts the server, and installs its engine before if it is missing; when it fails, nothing is left running.
   * @throws LaminaError `BACKEND_UNAVAILABLE`, `MODEL_START_FAILED`, `PLUGIN_FAILED`, or the signal's reason
   */
  async start(prepared: PreparedStart, signal: AbortSignal, onProgress: OnProgress): Promise<ModelServer> {
    const { model, instance, adapters, limits, memory } = prepared;
    const context = { signal, log: this.log.child({ model: model.name }) };
    await this.install(prepared, signal, onProgress); // It takes as long as the network; the limit is for the load.
    const options = await this.hooks.run.beforeStart.promise(prepared.options, model, instance.name, context);
    const timeout = new AbortController();
    const reason = `it was not ready within ${limits.loadMs / 1000} s; to allow more time, raise limits.load_timeout`;
    const cancelTimeout = this.clock.after(limits.loadMs, () =>
      timeout.abort(new LaminaError('MODEL_START_FAILED', { model: model.name, reason })),
    );
    try {
      const server = await instance.backend.start(model, {
        ...context,
        signal: AbortSignal.any([signal, timeout.signal]),
        env: this.config.env,
        options,
        adapters,
        progress: onProgress,
        output: (stream, text) => this.events.emit('log.line', { model: model.name, stream, text }),
        guard: (pid) => this.guard(prepared, pid),
        ...(memory.basis === 'unknown'
          ? {}
          : { placement: { hostBytes: memory.hardBytes, deviceBytes: memory.deviceBytes } }),
      });
      void server.closed.then(({ outOfMemory }) => outOfMemory === true && this.killedForMemory(prepared));
      // An abort during the hook is handled by the caller: the server runs now and must be stopped.
      await this.hooks.run.afterStart.promise(model, server, context).catch(() => undefined);
      return server;
    } catch (error) {
      signal.throwIfAborted();
      if (LaminaError.is(error) && error.details['out_of_memory'] === true) this.killedForMemory(prepared);
      if (LaminaError.is(error)) throw error;
      throw new LaminaError('MODEL_START_FAILED', { model: model.name, reason: reasonOf(error) }, { cause: error });
    } finally {
      cancelTimeout();
    }
  }

  /** Watches over a process of the engine: that it does not outlive Lamina, and what memory it takes. */
  private guard({ model, memory, instance }: PreparedStart, pid: number): () => void {
    const release = this.processes.guard(pid, { model: model.name });
    if (instance.type.lifetime === 'external') return release;
    const stop = this.sampler.watch(model.name, pid, memory.key!);
    return () => {
      stop();
      release();
    };
  }

  private killedForMemory({ model, memory }: PreparedStart): void {
    this.learned.killed(memory.key!, Math.max(memory.hardBytes, this.memory.reservedBytes(model.name)));
  }

  private async install(
    { model, instance }: PreparedStart,
    signal: AbortSignal,
    onProgress: OnProgress,
  ): Promise<void> {
    try {
      await this.installations.ensure(instance, signal, onProgress);
    } catch (error) {
      signal.throwIfAborted();
      if (!LaminaError.is(error, 'BACKEND_INSTALL_FAILED'))
        throw new LaminaError('MODEL_START_FAILED', { model: model.name, reason: reasonOf(error) }, { cause: error });
      const { reason, hint } = error.details as { reason: string; hint: string };
      throw new LaminaError('BACKEND_UNAVAILABLE', { model: model.name, reason, hint }, { cause: error });
    }
  }

  private requireFiles(name: string): void {
    const record = this.models.get(name);
    if (record === undefined)
      throw new LaminaError('MODEL_NOT_FOUND', { model: name, hint: 'It was removed from the manifest.' });
    // The backend says best why it cannot serve a model now, and when to try again.
    const missing = record.missing.filter((each) => each !== record.model.unavailable);
    if (missing.length === 0) return;
    const hint =
      record.entry.download === undefined
        ? 'Add the files, or correct the path in the manifest.'
        : `Download them with POST /download {"model": ${JSON.stringify(name)}}.`;
    throw new LaminaError('MODEL_FILES_MISSING', { model: name, missing, hint });
  }

  private prepared(model: Model, instance: BackendInstance): Omit<PreparedStart, 'memory'> {
    const adapters = this.models
      .adaptersOf(model.name)
      .filter((adapter) => this.models.get(adapter.name)?.available === true);
    const { options, problem } = expandPathOptions(
      instance.type.modelOptions,
      mergeOptions(instance, model),
      this.config.env,
    );
    if (problem !== undefined)
      throw new LaminaError('CONFIG_INVALID', {
        message: `The option ${describeProblems([problem])}, for model "${model.name}" on backend ${instance.name}.`,
        model: model.name,
      });
    const { files, limits } = model;
    const fingerprint = JSON.stringify([
      files,
      instance.name,
      instance.type.type,
      instance.options,
      options,
      adapters.map((adapter) => [adapter.name, adapter.files, adapter.options]),
    ]);
    return {
      model,
      adapters,
      instance,
      options,
      limits: limitsOf(model, this.config.limits),
      fingerprint,
      capacity: (info) => limits.max_concurrency ?? info.parallel,
    };
  }

  private warnOfFallback({ model, instance, options }: Pick<PreparedStart, 'model' | 'instance' | 'options'>): void {
    if (!isFallback(instance, model)) return;
    const leftOut = Object.keys(model.options).filter((name) => !Object.hasOwn(options, name));
    this.log.warn(
      { model: model.name, backend: model.backend, fallback: instance.name, leftOut },
      'The backend of this model is not available; using its fallback',
    );
  }

  /** What the start needs, and its options with those that keep it to that: what was learned, else said, else computed. */
  private async memoryOf(
    { model: base, adapters, options }: Pick<PreparedStart, 'model' | 'adapters' | 'options'>,
    { instance, version, devices }: ChosenBackend,
    signal: AbortSignal,
  ): Promise<Pick<PreparedStart, 'memory' | 'options'>> {
    const model = { ...base, files: [base, ...adapters].flatMap(({ files }) => files) };
    this.memory.seen(devices);
    const machine = this.memory.machine(devices);
    const estimate = await instance.backend.estimateMemory?.(model, options, machine);
    const all = { ...estimate?.options, ...options };
    const files = model.files.map(({ path, bytes }) => [path, bytes]);
    const key = this.learned.keyOf([files, instance.type.type, version, all]);
    const learned = this.learned.need(key, machine.totalBytes);
    const said =
      learned === undefined ? await this.saidByEngine(instance, { model, all, machine, estimate, signal }) : undefined;
    const known = said ?? estimate;
    const memory =
      known === undefined
        ? unknownNeed(fileBytes(model))
        : estimatedNeed(known, said === undefined ? 'estimate' : 'engine');
    const corrected = learned === undefined ? memory : { ...memory, hardBytes: learned, basis: 'learned' as const };
    return { memory: { ...corrected, key }, options: all };
  }

  /** What the engine says that it will need; `undefined` when it does not. */
  private async saidByEngine(
    { name, backend }: BackendInstance,
    about: {
      model: Model;
      all: PreparedStart['options'];
      machine: Machine;
      estimate: MemoryEstimate | undefined;
      signal: AbortSignal;
    },
  ): Promise<MemoryEstimate | undefined> {
    const { model, all, machine, estimate, signal } = about;
    try {
      return await backend.measureMemory?.(model, all, {
        signal,
        log: this.log,
        env: this.config.env,
        machine,
        estimate,
        guard: (pid) => this.processes.guard(pid, { model: model.name }),
      });
    } catch (error) {
      signal.throwIfAborted();
      this.log.debug(
        { model: model.name, backend: name, reason: reasonOf(error) },
        'The engine did not say what it needs',
      );
      return undefined;
    }
  }
}

function limitsOf({ limits }: Model, shared: RuntimeLimits): Limits {
  return {
    loadMs: 1000 * (limits.load_timeout ?? shared.loadTimeout),
    drainMs: 1000 * (limits.drain_timeout ?? shared.drainTimeout),
    stopMs: 1000 * (limits.stop_timeout ?? shared.stopTimeout),
    idleMs: 1000 * (limits.idle_timeout ?? shared.idleTimeout),
  };
}
