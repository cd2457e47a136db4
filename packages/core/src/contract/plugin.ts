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

/** What `setup` receives: everything a plugin can use of Lamina. */
export interface PluginContext {
  /** The plugin's own name. */
  readonly name: string;
  /** The environment that the host passed to createLamina. Use it instead of `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Use it instead of the global `fetch`: it goes through the proxies that the environment names, and the host can
   * replace it.
   */
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** A directory for the plugin's own files; created on first access. */
  readonly dataDir: string;
  readonly log: Logger;
  readonly events: Events;
  readonly hooks: HookTaps;
  readonly models: Pick<Models, 'list' | 'get' | 'resolve'>;
  /** Registers a backend type. Call it during `setup` only. */
  addBackend(type: BackendType): void;
  /** Registers a source. Call it during `setup` only. */
  addSource(source: Source): void;
  /** Runs when Lamina closes, in reverse order of the plugins; limited in time. */
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
