// Plugins: a name, options and a setup function.
import type { BackendType } from './backends.js';
import type { Clock, Logger } from './context.js';
import type { Events } from './events.js';
import type { HookTaps } from './hooks.js';
import type { Models } from './models.js';
import type { FromSchema, Schema } from './schema.js';
import type { Source } from './source.js';

/** The version of the plugin contract; `definePlugin` adds it to the plugin, core checks it. */
export const apiVersion = 1;

/**
 * What `setup` receives: everything a plugin can use of Lamina.
 * @example
 * ```ts
 * const plugin = definePlugin({
 *   name: 'log-starts',
 *   setup(lamina) {
 *     lamina.events.on('model.ready', ({ model }) => lamina.log.info({ model }, 'Model started'));
 *   },
 * });
 * ```
 */
export interface PluginContext {
  /** The plugin's own name. */
  readonly name: string;
  /**
   * The environment that the host passed to createLamina. Use it instead of `process.env`.
   * @example
   * ```ts
   * const home = lamina.env['HOME'];
   * ```
   */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Use it instead of the global `fetch`: it goes through the proxies that the environment names, and the host can
   * replace it.
   * @example
   * ```ts
   * const response = await lamina.fetch('https://example.org/models.json', { signal });
   * ```
   */
  readonly fetch: typeof globalThis.fetch;
  /**
   * @example
   * ```ts
   * const cancel = lamina.clock.after(60_000, () => lamina.log.debug({}, 'One minute has passed'));
   * ```
   */
  readonly clock: Clock;
  /**
   * A directory for the plugin's own files; created on first access. In the mode `attached` it is not created, and it may
   * be missing: a command that only reads leaves nothing behind.
   * @example
   * ```ts
   * await writeFile(join(lamina.dataDir, 'cache.json'), '{}');
   * ```
   */
  readonly dataDir: string;
  /**
   * @example
   * ```ts
   * lamina.log.warn({ model: 'tiny' }, 'The template of the model is not known');
   * ```
   */
  readonly log: Logger;
  /**
   * @example
   * ```ts
   * lamina.events.on('model.state', ({ model, to }) => lamina.log.debug({ model, to }, 'State changed'));
   * ```
   */
  readonly events: Events;
  /**
   * @example
   * ```ts
   * lamina.hooks.afterStart.tap((model, server) => lamina.log.info({ ...server.info, model: model.name }, 'Started'));
   * ```
   */
  readonly hooks: HookTaps;
  /**
   * @example
   * ```ts
   * const { model, served } = lamina.models.resolve('tiny');
   * ```
   */
  readonly models: Pick<Models, 'list' | 'get' | 'resolve' | 'reload'>;
  /**
   * Registers a backend type. Call it during `setup` only.
   * @example
   * ```ts
   * lamina.addBackend(backendType);
   * ```
   */
  addBackend(type: BackendType): void;
  /**
   * Registers a source. Call it during `setup` only.
   * @example
   * ```ts
   * lamina.addSource(source);
   * ```
   */
  addSource(source: Source): void;
  /**
   * Runs when Lamina closes, in reverse order of the plugins; limited in time.
   * @example
   * ```ts
   * const timer = setInterval(() => lamina.log.debug({}, 'Still running'), 60_000);
   * lamina.onClose(() => clearInterval(timer));
   * ```
   */
  onClose(close: () => void | Promise<void>): void;
}

/** A configured plugin for `createLamina({ plugins })`, made by the factory that `definePlugin` returns. */
export interface Plugin {
  readonly name: string;
  readonly apiVersion: number;
  readonly schema?: Schema;
  readonly options: unknown;
  setup(lamina: PluginContext, options: never): void | Promise<void>;
}

/** The argument of `definePlugin`. */
export interface PluginDefinition<S extends Schema> {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** The schema of the options of the factory; checked before the plugin runs. */
  readonly options?: S;
  /** Registers backends and sources, and taps hooks. */
  setup(lamina: PluginContext, options: FromSchema<S>): void | Promise<void>;
}

/** Where plugins register backends and sources. */
export interface Registrations {
  addBackend(type: BackendType, plugin: string): void;
  addSource(source: Source, plugin: string): void;
}
