// From a model's name to a running server: choose the backend, check what can be checked, start the engine.
import type { ModelServer, ServerInfo } from '../contract/backends.js';
import type { Config, RuntimeLimits } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import type { Model, Models } from '../contract/models.js';
import type { Clock, Logger } from '../contract/context.js';
import type { OrphanReaper } from '../contract/processes.js';
import { describeProblems } from '../kernel/check.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { isFallback, mergeOptions, type BackendInstance } from './backend-instance.js';
import type { BackendRegistry } from './backends.js';
import type { StartMemory } from './memory.js';
import type { MemoryRequirements } from './memory-requirements.js';
import { expandPathOptions } from './path-options.js';
import type { Installations } from './installations.js';
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
    private readonly requirements: MemoryRequirements,
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
    return { ...prepared, ...(await this.requirements.of(prepared, chosen, signal)) };
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
      void server.closed.then(({ outOfMemory }) => outOfMemory === true && this.sampler.killed(model.name, memory));
      // An abort during the hook is handled by the caller: the server runs now and must be stopped.
      await this.hooks.run.afterStart.promise(model, server, context).catch(() => undefined);
      return server;
    } catch (error) {
      signal.throwIfAborted();
      if (LaminaError.is(error) && error.details['out_of_memory'] === true) this.sampler.killed(model.name, memory);
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
    const stop = this.sampler.watch(model.name, pid, memory.key);
    return () => {
      stop();
      release();
    };
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
        : `Download them with "lamina pull ${name}" or POST /download {"model": ${JSON.stringify(name)}}.`;
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
}

function limitsOf({ limits }: Model, shared: RuntimeLimits): Limits {
  return {
    loadMs: 1000 * (limits.load_timeout ?? shared.loadTimeout),
    drainMs: 1000 * (limits.drain_timeout ?? shared.drainTimeout),
    stopMs: 1000 * (limits.stop_timeout ?? shared.stopTimeout),
    idleMs: 1000 * (limits.idle_timeout ?? shared.idleTimeout),
  };
}
