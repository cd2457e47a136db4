// Sets plugins up in order, and closes them in reverse.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from './reason.js';
import { eventSchemas, type Events, type EventType } from '../contract/events.js';
import type { Contribution, ExtensionPoints } from '../contract/extensions.js';
import type { Plugin, PluginContext, PluginRecord, Registrations } from '../contract/plugin.js';
import type { Clock, Logger } from '../contract/context.js';
import type { Inference } from '../contract/inference.js';
import type { EngineLogs } from '../contract/logs.js';
import type { Models } from '../contract/models.js';
import type { Runtime } from '../contract/runtime.js';
import { Disposables } from './disposables.js';
import type { EventBus } from './event-bus.js';
import { Extensions } from './extensions.js';
import { freeze } from './freeze.js';
import type { Hooks, TapOwner } from './hooks.js';
import { withTimeout } from './abort.js';

const setupLimitMs = 60_000;

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
    private readonly runtime: Runtime,
    private readonly logs: EngineLogs,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.opened = new Disposables(log);
  }

  /**
   * Sets every plugin up, in the order the host wrote them. When one fails, those before it are closed again.
   * @throws LaminaError `PLUGIN_FAILED`, or what a plugin threw as a LaminaError
   */
  async open(signal: AbortSignal): Promise<void> {
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
    let inference: PluginContext['inference'] | undefined;
    const takeInference = () => this.inferenceFor(plugin.name, open);
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
      runtime: this.runtime,
      logs: this.logs,
      get inference() {
        return (inference ??= takeInference());
      },
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
        const rule = eventRule(plugin.name, type);
        if (rule !== undefined)
          throw new LaminaError('PLUGIN_FAILED', {
            plugin: plugin.name,
            hook: 'emit',
            reason: `it emits "${type}", but ${rule}`,
          });
        if (!owner.closed) this.events.emitForPlugin(type, data);
      },
      onClose: (close: () => void | Promise<void>) => this.opened.add(`plugin ${plugin.name}`, close),
    } satisfies PluginContext);
  }

  /** The events for a plugin: it can listen but not emit, and its listeners are removed when it is closed. */
  private inferenceFor(plugin: string, settingUp: () => boolean): PluginContext['inference'] {
    this.hooks.runningTaps.track();
    const ready = (): Inference => {
      if (!settingUp()) return this.inference;
      const reason = 'it uses inference during its setup, when no model is known yet';
      throw new LaminaError('PLUGIN_FAILED', { plugin, hook: 'setup', reason });
    };
    return Object.freeze({
      chat: (request, options) => ready().chat(request, options),
      complete: (request, options) => ready().complete(request, options),
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

/** The rule that an event of a plugin breaks. */
function eventRule(plugin: string, type: string): string | undefined {
  if (!type.startsWith(`${plugin}.`)) return `the type of its events must begin with "${plugin}."`;
  return Object.hasOwn(eventSchemas, type) ? 'only Lamina emits events of this type' : undefined;
}
