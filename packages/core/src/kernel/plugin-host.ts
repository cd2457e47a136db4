// Checks plugins before any of them runs, sets them up in order, closes them in reverse.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from './reason.js';
import type { Events, EventType } from '../contract/events.js';
import type { Contribution, ExtensionPoints } from '../contract/extensions.js';
import {
  apiVersion,
  type Plugin,
  type PluginContext,
  type PluginNeed,
  type PluginRecord,
  type Registrations,
} from '../contract/plugin.js';
import type { Clock, Logger } from '../contract/context.js';
import type { Inference } from '../contract/inference.js';
import type { Models } from '../contract/models.js';
import { check, describeProblems, nearestHint } from './check.js';
import { Disposables } from './disposables.js';
import type { EventBus } from './event-bus.js';
import { Extensions } from './extensions.js';
import { freeze } from './freeze.js';
import type { Hooks, TapOwner } from './hooks.js';
import { shapeProblem } from './shape.js';
import { withTimeout } from './abort.js';

const setupLimitMs = 60_000;
const namePattern = /^[a-z][a-z0-9-]*$/;

/** What a plugin has registered. */
interface Registered {
  readonly owner: TapOwner;
  readonly backends: string[];
  readonly sources: string[];
}

/** The plugins of one Lamina. */
export class PluginHost {
  private readonly opened: Disposables;
  private readonly contributions = new Extensions();
  private readonly registered: Registered[] = [];

  constructor(
    private readonly config: Config,
    private readonly hooks: Hooks,
    private readonly events: EventBus,
    private readonly registrations: Registrations,
    private readonly models: Models,
    private readonly inference: Inference,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.opened = new Disposables(log);
  }

  /**
   * Sets every plugin up, in the order the host wrote them. When one fails, those before it are closed again.
   * @throws LaminaError `PLUGIN_INVALID` before anything ran, `PLUGIN_FAILED`, or what a plugin threw as a LaminaError
   */
  async open(signal: AbortSignal): Promise<void> {
    checkPlugins(this.config.plugins);
    for (const plugin of this.config.plugins) {
      try {
        await this.setUp(plugin, signal);
      } catch (error) {
        await this.close();
        throw error;
      }
    }
  }

  /** See `Lamina.plugins`. */
  records(): PluginRecord[] {
    return this.registered.map(({ owner, backends, sources }) => ({
      name: owner.name,
      backends: [...backends],
      sources: [...sources],
      hooks: this.hooks.tappedBy(owner.name),
      extensions: this.contributions.of(owner.name),
    }));
  }

  /** See `Lamina.extensions`. */
  extensions<Point extends keyof ExtensionPoints>(point: Point): readonly Contribution<ExtensionPoints[Point]>[] {
    return this.contributions.read(point);
  }

  /** Closes every plugin, the last one first; each silenced, then closed. */
  close(): Promise<void> {
    return this.opened.dispose();
  }

  private async setUp(plugin: Plugin, signal: AbortSignal): Promise<void> {
    const owner: TapOwner = { name: plugin.name, log: this.log.child({ plugin: plugin.name }), closed: false };
    const registered: Registered = { owner, backends: [], sources: [] };
    this.registered.push(registered);
    let open = true;
    try {
      const context = this.contextFor(plugin, registered, () => open);
      await withTimeout(
        signal,
        setupLimitMs,
        () => new Error(`it took longer than ${setupLimitMs / 1000} s`),
        () => plugin.setup(context, freeze(plugin.options ?? {}) as never),
      );
    } catch (error) {
      if (LaminaError.is(error) || signal.aborted) throw error;
      throw new LaminaError(
        'PLUGIN_FAILED',
        { plugin: plugin.name, hook: 'setup', reason: reasonOf(error) },
        { cause: error },
      );
    } finally {
      open = false;
      this.opened.add(`plugin ${plugin.name}`, () => void (owner.closed = true));
    }
  }

  private contextFor(plugin: Plugin, registered: Registered, open: () => boolean): PluginContext {
    const { owner } = registered;
    const { mode } = this.config;
    const dataDir = join(this.config.dataDir, 'plugins', plugin.name);
    const during =
      <Arguments extends unknown[]>(register: (...given: Arguments) => void) =>
      (...given: Arguments) => {
        if (!open())
          throw new LaminaError('PLUGIN_FAILED', {
            plugin: plugin.name,
            hook: 'setup',
            reason: 'it registers something after its setup has ended',
          });
        register(...given);
      };
    return Object.freeze({
      name: plugin.name,
      env: this.config.env,
      fetch: this.config.fetch,
      clock: this.clock,
      // Made when it is asked for: most plugins keep nothing.
      get dataDir() {
        if (mode === 'owner') mkdirSync(dataDir, { recursive: true });
        return dataDir;
      },
      log: owner.log,
      events: this.eventsFor(owner),
      hooks: this.hooks.tapsFor(owner),
      models: this.models,
      inference: this.inferenceFor(plugin.name, open),
      addBackend: during((type) => {
        this.registrations.addBackend(type, plugin.name);
        registered.backends.push(type.type);
      }),
      addSource: during((source) => {
        this.registrations.addSource(source, plugin.name);
        registered.sources.push(source.name);
      }),
      extend: during((point, value) => this.contributions.add(point, plugin.name, value)),
      emit: (type, data) => {
        if (!type.startsWith(`${plugin.name}.`)) throw invalidEvent(plugin.name, type);
        if (!owner.closed) this.events.emitForPlugin(type, data);
      },
      onClose: (close: () => void | Promise<void>) => this.opened.add(`plugin ${plugin.name}`, close),
    } satisfies PluginContext);
  }

  /** The events for a plugin: it can listen but not emit, and its listeners are removed when it is closed. */
  private inferenceFor(plugin: string, settingUp: () => boolean): PluginContext['inference'] {
    const ready = (): Inference => {
      if (!settingUp()) return this.inference;
      const reason = 'it uses inference during its setup, when no model is known yet';
      throw new LaminaError('PLUGIN_FAILED', { plugin, hook: 'setup', reason });
    };
    return Object.freeze({
      chat: (request, options) => ready().chat(request, options),
      embed: async (request, options) => ready().embed(request, options),
    } satisfies PluginContext['inference']);
  }

  private eventsFor(owner: TapOwner): Events {
    const { events } = this;
    const whileOpen =
      <E>(listener: (event: E) => void) =>
      (event: E) => {
        if (!owner.closed) listener(event);
      };
    return Object.freeze({
      on: (type: EventType, listener: (event: never) => void) =>
        events.on(type, whileOpen(listener as (event: unknown) => void)),
      onAny: (listener) => events.onAny(whileOpen(listener)),
      once: (type, options) => events.once(type, options),
      since: (id) => events.since(id),
      get last() {
        return events.last;
      },
      get oldest() {
        return events.oldest;
      },
    } satisfies Events);
  }
}

function invalidEvent(plugin: string, type: string): LaminaError {
  const reason = `it emits "${type}", but the type of its events must begin with "${plugin}."`;
  return new LaminaError('PLUGIN_FAILED', { plugin, hook: 'emit', reason });
}

const noOptions = { type: 'object', additionalProperties: false };
const members = ['name', 'apiVersion', 'schema', 'options', 'needs', 'setup'] satisfies (keyof Plugin)[];
const needs: readonly string[] = ['usage'] satisfies PluginNeed[];

function checkPlugins(plugins: readonly unknown[]): void {
  const names = new Set<string>();
  plugins.forEach((plugin, index) => {
    const { name = '' } = (plugin ?? {}) as Partial<Plugin>;
    const reason = problemOf(plugin, names);
    // Core's own plugin is the first.
    if (reason !== undefined) throw new LaminaError('PLUGIN_INVALID', { plugin: name || `number ${index}`, reason });
    names.add(name);
  });
}

function problemOf(given: unknown, earlier: ReadonlySet<string>): string | undefined {
  if (typeof given === 'function') return 'it is the factory; call it, as in plugins: [myPlugin()]';
  const problem = shapeProblem(given, { name: 'text', setup: 'function', schema: 'object?', needs: 'list?' });
  if (problem !== undefined)
    return `${problem}; a plugin is { name, setup }, or what a factory of definePlugin returns`;
  const plugin = given as Plugin;
  if (!namePattern.test(plugin.name))
    return 'its name must be lower-case letters, digits and dashes, and begin with a letter';
  if (plugin.apiVersion !== undefined && plugin.apiVersion !== apiVersion)
    return `it speaks version ${String(plugin.apiVersion)} of the contract and this core speaks ${apiVersion}; install matching versions`;
  if (earlier.has(plugin.name)) return 'another plugin has the same name; list it once';
  const unknown = Object.keys(plugin).find((key) => !members.includes(key as keyof Plugin));
  if (unknown !== undefined) return `its member "${unknown}" is not known; ${nearestHint(unknown, members)}`;
  const need = plugin.needs?.find((each) => !needs.includes(each));
  if (need !== undefined) return `it needs "${need}", which is not known; ${nearestHint(need, needs)}`;
  const options = Object.keys(plugin.options ?? {});
  if (plugin.schema === undefined && options.length > 0) return `it takes no options, but was given "${options[0]}"`;
  const problems = check(plugin.schema ?? noOptions, plugin.options ?? {});
  return problems.length === 0 ? undefined : `its option ${describeProblems(problems)}`;
}
