// Plugins: a name, options and a setup function.
import type { BackendType } from './backends.js';
import type { Clock, Logger } from './context.js';
import type { Events } from './events.js';
import type { ExtensionPoints } from './extensions.js';
import type { HookName, HookTaps } from './hooks.js';
import type { Inference } from './inference.js';
import type { EngineLogs } from './logs.js';
import type { Models } from './models.js';
import type { Runtime } from './runtime.js';
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
   * What runs. Nothing during `setup`.
   * @example
   * ```ts
   * const waiting = lamina.runtime.slots().reduce((sum, slot) => sum + slot.waiting, 0);
   * ```
   */
  readonly runtime: Pick<Runtime, 'slot' | 'slots' | 'memory'>;
  /**
   * What the engines print. During `setup` no model is known; begin to follow at an event such as `model.state`.
   * @example
   * ```ts
   * const lastLines = lamina.logs.lines('tiny', { limit: 3 }).map(({ text }) => text);
   * ```
   */
  readonly logs: EngineLogs;
  /**
   * Chats, completions and embeddings of the plugin's own, with hooks and events like any other request. Not during
   * `setup`: models are not known then.
   * @throws LaminaError `PLUGIN_FAILED` for a call during `setup`
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Is this polite? Answer yes or no.' }];
   * const answer = await lamina.inference.chat({ model: 'tiny', messages }, { signal }).text();
   * ```
   */
  readonly inference: Pick<Inference, 'chat' | 'complete' | 'embed'>;
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
   * Contributes to an extension point, such as `http` of @lamina/server-koa. Call it during `setup` only. A contribution
   * that no host reads has no effect; `lamina plugins` shows it.
   * @example
   * ```ts
   * lamina.extend('greeting', { text: 'Hello' });
   * ```
   */
  extend<Point extends keyof ExtensionPoints>(point: Point, value: ExtensionPoints[Point]): void;
  /**
   * Emits an event of the plugin's own: its type begins with the name of the plugin and a dot. `data` is JSON in
   * snake_case, without `id`, `at` and `type`, which Lamina adds. Clients with the scope `manage` receive it.
   * @throws LaminaError `PLUGIN_FAILED` for a type that does not begin with the plugin's name
   * @example
   * ```ts
   * lamina.emit('guard.limited', { key: 'phone' });
   * ```
   */
  emit(type: `${string}.${string}`, data: object): void;
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

/**
 * A configured plugin for `createLamina({ plugins })`: what the factory of `definePlugin` returns, or for a plugin without
 * options a plain object.
 * @example
 * ```ts
 * import type { Plugin } from '@lamina/core/plugin';
 *
 * const plugin: Plugin = { name: 'quiet', setup: (lamina) => lamina.log.debug({}, 'Set up') };
 * ```
 */
export interface Plugin {
  readonly name: string;
  /** The version of the plugin contract that it was written for. Default: the one of this core. */
  readonly apiVersion?: number;
  readonly schema?: Schema;
  /** Default: no options. */
  readonly options?: unknown;
  /** See {@link PluginDefinition.needs}. */
  readonly needs?: readonly PluginNeed[];
  setup(lamina: PluginContext, options: never): void | Promise<void>;
}

/**
 * `usage`: the event `request.finished` has the token counts of every stream. Lamina asks the engine for them, and
 * withholds them from a client that did not ask.
 */
export type PluginNeed = 'usage';

/** The argument of `definePlugin`. */
export interface PluginDefinition<S extends Schema> {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** The schema of the options of the factory; checked before the plugin runs. */
  readonly options?: S;
  /**
   * What it needs of Lamina that costs something; default: nothing. A function receives the options before they are
   * checked, for a plugin that needs it only with some of them.
   * @example
   * ```ts
   * const meter = definePlugin({
   *   name: 'meter',
   *   options: { type: 'object', properties: { tokens: { type: 'boolean' } } },
   *   needs: ({ tokens }) => (tokens === true ? ['usage'] : []),
   *   setup: (lamina) => void lamina.events.on('request.finished', ({ usage }) => console.log(usage)),
   * });
   * ```
   */
  readonly needs?: readonly PluginNeed[] | ((options: FromSchema<S>) => readonly PluginNeed[]);
  /** Registers backends, sources and extensions, and taps hooks. */
  setup(lamina: PluginContext, options: FromSchema<S>): void | Promise<void>;
}

/** Where plugins register backends and sources. */
export interface Registrations {
  addBackend(type: BackendType, plugin: string): void;
  addSource(source: Source, plugin: string): void;
}

/** What a plugin registered and tapped, as `lamina plugins` shows it. */
export interface PluginRecord {
  readonly name: string;
  /** Types of backends. */
  readonly backends: readonly string[];
  /** Names of sources. */
  readonly sources: readonly string[];
  /** Names of the hooks it taps. */
  readonly hooks: readonly HookName[];
  /** The extension points it contributes to; `read` is false while no host has read that extension point. */
  readonly extensions: readonly { readonly point: string; readonly read: boolean }[];
}
