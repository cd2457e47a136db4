// A plugin: a name and a setup function. No base class, no container.
import type { BackendType } from './backends.js';
import type { Clock, Logger } from './context.js';
import type { Events } from './events.js';
import type { HookTaps } from './hooks.js';
import type { Models } from './models.js';
import type { FromSchema, Schema } from './schema.js';
import type { Source } from './source.js';

/** The version of the contract this core speaks; `definePlugin` stamps it, the host checks it. */
export const apiVersion = 1;

/** What a plugin is handed, and all it ever sees of Lamina. */
export interface PluginContext {
  /** The plugin's own name. */
  readonly name: string;
  /** The environment of the process, as its entry point handed it on; plugins never read `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Use this and not the global one: it goes through the proxies that the environment names, and the host may give
   * another.
   */
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** A directory of the plugin's own; it exists. */
  readonly dataDir: string;
  readonly log: Logger;
  readonly events: Events;
  readonly hooks: HookTaps;
  readonly models: Pick<Models, 'list' | 'get' | 'resolve'>;
  /** Registers a backend type; only during `setup`. */
  addBackend(type: BackendType): void;
  /** Registers a source; only during `setup`. */
  addSource(source: Source): void;
  /** Runs when Lamina closes, plugins in reverse order. Bounded in time. */
  onClose(close: () => void | Promise<void>): void;
}

/** A configured plugin, as `createLamina({ plugins })` takes it. Made by the factory that `definePlugin` returns. */
export interface Plugin {
  readonly name: string;
  readonly apiVersion: number;
  readonly schema?: Schema;
  readonly options: unknown;
  setup(lamina: PluginContext, options: never): void | Promise<void>;
}

/** What an author writes. */
export interface PluginDefinition<S extends Schema> {
  /** Lower-case letters, digits and dashes. */
  readonly name: string;
  /** The schema of the options the factory takes; they are checked before anything of the plugin runs. */
  readonly options?: S;
  /** Registers nouns and taps hooks. */
  setup(lamina: PluginContext, options: FromSchema<S>): void | Promise<void>;
}

/** Where plugins put their nouns. */
export interface Registrations {
  addBackend(type: BackendType, plugin: string): void;
  addSource(source: Source, plugin: string): void;
}
