// createLamina: what starts in which order, and how it is closed.
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { logEvents, logModelChanges } from './builtin/event-log.js';
import { builtin } from './builtin/index.js';
import { logStart } from './builtin/start-log.js';
import { createContainer } from './container.js';
import { resolveConfig } from './config.js';
import type { Config, LaminaOptions } from './contract/config.js';
import { LaminaError } from './contract/errors.js';
import type { Events } from './contract/events.js';
import type { Logger } from './contract/context.js';
import type { Contribution, ExtensionPoints } from './contract/extensions.js';
import type { PluginRecord } from './contract/plugin.js';
import type { Backends } from './contract/backends.js';
import type { Downloads } from './contract/downloads.js';
import type { EngineLogs } from './contract/logs.js';
import type { Models } from './contract/models.js';
import type { Inference } from './contract/inference.js';
import type { Runtime } from './contract/runtime.js';
import type { Suggestions } from './contract/suggestions.js';
import { tapCore } from './core-plugin.js';
import { DownloadService } from './downloads/downloads.js';
import { SourceRegistry } from './downloads/source-registry.js';
import { localSource } from './downloads/sources/local.js';
import { urlSource } from './downloads/sources/url.js';
import { HttpClient } from './downloads/transfer/http.js';
import { InferenceService } from './inference/inference.js';
import { removeTemporaryFiles } from './kernel/atomic-write.js';
import { checkPlugins } from './kernel/check-plugins.js';
import { Disposables } from './kernel/disposables.js';
import { ProxiedFetch } from './kernel/proxied-fetch.js';
import { PluginHost } from './kernel/plugin-host.js';
import { reasonOf } from './kernel/reason.js';
import { tokens } from './kernel/tokens.js';
import { loadUndici } from './kernel/undici.js';
import { ModelRegistry } from './models/registry.js';
import { OrphanReaper } from './process/orphan-reaper.js';
import { recordServerAddress } from './process/server-address.js';
import { liveOwner, lockDataDir } from './process/lock.js';
import { loadExeca } from './process/spawn-group.js';
import { backendProblems } from './runtime/backend-problems.js';
import { BackendRegistry } from './runtime/backends.js';
import { EngineLogService } from './runtime/engine-logs.js';
import { LearnedMemory } from './runtime/learned-memory.js';
import { SlotRuntime } from './runtime/runtime.js';

/** How long each of the longer closing steps may take, including the stop of all models. */
const closeBudgetMs = 120_000;

/** A running Lamina, for hosts and servers. */
export interface Lamina {
  readonly models: Models;
  readonly downloads: Downloads;
  readonly suggestions: Suggestions;
  readonly backends: Backends;
  readonly runtime: Runtime;
  readonly logs: EngineLogs;
  readonly inference: Inference;
  /**
   * As {@link Inference.chat}.
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Hello' }];
   * const text = await lamina.chat({ model: 'tiny', messages }, { signal }).text();
   * ```
   */
  chat: Inference['chat'];
  /**
   * As {@link Inference.embed}.
   * @example
   * ```ts
   * const { embeddings } = await lamina.embed({ model: 'tiny', input: 'Hello' }, { signal });
   * ```
   */
  embed: Inference['embed'];
  readonly events: Events;
  readonly log: Logger;
  /** What each plugin registered, in the order of the plugins. */
  readonly plugins: readonly PluginRecord[];
  /**
   * What plugins contributed to an extension point, in the order of the plugins.
   * @example
   * ```ts
   * for (const { plugin, value } of lamina.extensions('greeting')) console.log(plugin, value.text);
   * ```
   */
  extensions<Point extends keyof ExtensionPoints>(point: Point): readonly Contribution<ExtensionPoints[Point]>[];
  /**
   * Aborted when a close begins, so that a host can end its connections. Its reason is the LaminaError
   * `SHUTTING_DOWN`.
   * @example
   * ```ts
   * lamina.closing.addEventListener('abort', () => response.end());
   * ```
   */
  readonly closing: AbortSignal;
  /**
   * Records where this Lamina is served, so that `lamina` and `findServer` of `@lamina/core/find-server` find it by its
   * data directory; `createServer` of `@lamina/server-koa` calls it. The record is removed when Lamina closes, or by the
   * returned function. An attached Lamina records nothing.
   * @param url its base URL, without a trailing slash
   * @example
   * ```ts
   * const withdraw = await lamina.announce('http://127.0.0.1:3000/ai');
   * ```
   */
  announce(url: string): Promise<() => Promise<void>>;
  /**
   * Ends everything: requests in progress are drained up to their limit, every engine is stopped, plugins are closed in
   * reverse order. Aborting the signal aborts the requests and kills the engines. A second call joins the first close,
   * and its signal works too.
   * @example
   * ```ts
   * await lamina.close({ signal: AbortSignal.timeout(30_000) });
   * ```
   */
  close(options?: { signal?: AbortSignal }): Promise<void>;
}

/**
 * Creates a Lamina from plugins. It reads the manifest and is ready to serve; models load on first use. When it fails,
 * nothing is left behind.
 * @throws LaminaError `CONFIG_INVALID`, `CONFLICT` when another Lamina owns the data directory, `PLUGIN_INVALID`,
 * `PLUGIN_FAILED`, `ABORTED`
 * @example
 * ```ts
 * import { createLamina } from '@lamina/core';
 * import { llamacpp } from '@lamina/plugin-llamacpp';
 *
 * const lamina = await createLamina({ modelsDir: 'models', plugins: [llamacpp()] });
 * await lamina.close();
 * ```
 */
export async function createLamina(
  options: LaminaOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Lamina> {
  const resolved = resolveConfig(options);
  const proxied = new ProxiedFetch(resolved.env);
  const config: Config = Object.freeze({
    ...resolved,
    plugins: [builtin(resolved.fetch), ...resolved.plugins],
    fetch: options.fetch ?? proxied.fetch,
  });
  checkPlugins(config.plugins);
  const container = createContainer(config, options);
  const log = container.get(tokens.Log);
  const opened = new Disposables(log);
  opened.add('proxies', () => proxied.close());
  const hadModelsDir = existsSync(config.modelsDir); // Before the lock creates the data directory in it.
  try {
    if (config.mode === 'owner') {
      await loadExeca();
      loadUndici();
      const lock = await lockDataDir(config.dataDir, !config.downloads.autoResume);
      opened.add('lock', () => lock.dispose());
      await removeTemporaryFiles(config.dataDir);
    }

    const events = container.get(tokens.Events);
    opened.add('events', () => events.dispose());

    const models = container.get(ModelRegistry);
    opened.add('models', () => models.dispose());
    opened.add('log of events', logEvents(events, log));
    const logs = container.get(EngineLogService); // Before the plugins, which may follow until they are closed.
    opened.add('engine logs', () => logs.dispose());

    const engines = container.get(OrphanReaper);
    opened.add('engines', () => engines.dispose());
    if (config.mode === 'owner') await engines.clearLeftovers();

    const hooks = container.get(tokens.Hooks);
    const sources = container.get(SourceRegistry);
    sources.add(localSource(config.modelsDir), 'core');
    sources.add(urlSource(container.get(HttpClient)), 'core');
    tapCore(hooks, container.get(tokens.Policy), sources, log);

    const plugins = container.get(PluginHost);
    opened.add('plugins', () => plugins.close(), closeBudgetMs);
    await plugins.open(signal);

    const backends = container.get(BackendRegistry);
    models.addEntryKeys(plugins.extensions('modelEntry'));
    models.checkBackendsWith(() => backendProblems(backends, models));
    await models.load();
    logStart(
      {
        plugins: resolved.plugins.map(({ name }) => name),
        models,
        modelsDir: config.modelsDir,
        defaultDataDir: options.dataDir === undefined ? config.dataDir : undefined,
        hadModelsDir,
      },
      log,
    );
    opened.add('log of model changes', logModelChanges(models, log)); // After the start: its models have been logged.

    const downloads = container.get(DownloadService);
    opened.add('downloads', () => downloads.close(), closeBudgetMs);
    await downloads.load(() => liveOwner(config.dataDir));

    const inference = container.get(InferenceService);
    const served = container.get(tokens.Inference); // What the host replaced it by, if it did.
    // Closes after the runtime has ended the requests under way, and before plugins: they hear how each has ended.
    opened.add('inference', () => inference.close(), closeBudgetMs);

    const learned = container.get(LearnedMemory);
    opened.add('learned memory', () => learned.close());
    if (config.mode === 'owner') await learned.load();
    const runtime = container.get(SlotRuntime);
    const cut = new AbortController();
    opened.add('runtime', () => runtime.close(cut.signal), closeBudgetMs);
    opened.add(
      'changes',
      models.onChange(() => runtime.refresh()),
    );
    signal.throwIfAborted();
    // A command that ends soon loads nothing.
    if (config.mode === 'owner' && config.downloads.autoResume) opened.add('preload', preload(models, runtime, log));

    let closed: Promise<void> | undefined;
    const closing = new AbortController();
    setMaxListeners(0, closing.signal);
    return Object.freeze({
      models: container.get(tokens.Models),
      downloads: container.get(tokens.Downloads),
      suggestions: container.get(tokens.Suggestions),
      backends: container.get(tokens.Backends),
      runtime: container.get(tokens.Runtime),
      logs: container.get(tokens.EngineLogs),
      inference: served,
      chat: (request, options) => served.chat(request, options),
      embed: (request, options) => served.embed(request, options),
      events,
      log,
      get plugins() {
        return plugins.records();
      },
      extensions: (point) => plugins.extensions(point),
      closing: closing.signal,
      async announce(url) {
        if (config.mode === 'attached') return () => Promise.resolve();
        const withdraw = await recordServerAddress(config.dataDir, url);
        opened.add('server address', withdraw);
        return withdraw;
      },
      close({ signal }: { signal?: AbortSignal } = {}) {
        closing.abort(new LaminaError('SHUTTING_DOWN', {}));
        signal?.addEventListener('abort', () => cut.abort(), { once: true });
        if (signal?.aborted === true) cut.abort();
        return (closed ??= opened.dispose());
      },
    } satisfies Lamina);
  } catch (error) {
    await opened.dispose();
    throw error;
  }
}

/** Loads the models that the manifest says, one after the other. The returned function ends it. */
function preload(models: Models, runtime: Runtime, log: Logger): () => Promise<void> {
  const closing = new AbortController();
  const { signal } = closing;
  const load = async (model: string): Promise<void> => {
    try {
      await runtime.load(model, { signal });
    } catch (error) {
      // A failed start is in the log as `model.failed`.
      if (signal.aborted || runtime.slot(model).state === 'failed') return;
      log.warn({ model, reason: reasonOf(error) }, 'A model could not be loaded at the start');
    }
  };
  const loadAll = async (): Promise<void> => {
    const preloaded = models.list().flatMap(({ model }) => (model.preload === true ? [model.name] : []));
    // Models that one server serves are loaded together.
    for (const served of new Set(preloaded.map((name) => servedBy(models, name)))) {
      if (signal.aborted) return;
      await load(served);
    }
  };
  const loading = loadAll();
  return () => {
    closing.abort(new LaminaError('SHUTTING_DOWN', {}));
    return loading;
  };
}

/** The model whose server serves a model; the model itself when nothing can. */
function servedBy(models: Models, name: string): string {
  try {
    return models.resolve(name).served.name;
  } catch {
    return name;
  }
}
