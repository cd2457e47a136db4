// The hooks as tapable objects, made from the hook table, and the guard around every tap.
import {
  AsyncParallelHook,
  AsyncSeriesBailHook,
  AsyncSeriesHook,
  AsyncSeriesWaterfallHook,
  SyncBailHook,
  SyncHook,
} from 'tapable';
import type { Context, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import { hookTable, type HookName, type HookSignatures, type HookTaps } from '../contract/hooks.js';
import { withTimeout } from './abort.js';
import { nearestHint } from './check.js';
import type { EventBus } from './event-bus.js';
import { freeze } from './freeze.js';
import { reasonOf } from './reason.js';
import { requireSynchronous, TransformCollector } from './response-transforms.js';
import { RunningTaps } from './running-taps.js';

/** Who taps: a plugin. Once it is closed, its taps do nothing: tapable cannot remove a tap. */
export interface TapOwner {
  readonly name: string;
  readonly log: Logger;
  closed: boolean;
}

/** What core passes to a hook last. */
export interface HookContext extends Context {
  /** Plugins whose taps do not run: the request is their own. */
  readonly without?: ReadonlySet<string>;
}

type HookType<Name extends HookName> = (typeof hookTable)[Name]['type'];
type HookArguments<Name extends HookName> = Parameters<HookSignatures[Name]>;
type HookResult<Name extends HookName> =
  HookType<Name> extends 'AsyncSeriesWaterfallHook'
    ? HookArguments<Name>[0]
    : Awaited<ReturnType<HookSignatures[Name]>>;

/** A hook as core runs it; check `isUsed()` before preparing expensive arguments. */
type RunnableHook<Name extends HookName> = { isUsed(): boolean } & (HookType<Name> extends `Sync${string}`
  ? { call(...parameters: HookArguments<Name>): HookResult<Name> }
  : { promise(...parameters: HookArguments<Name>): Promise<HookResult<Name>> });

type RunnableHooks = { readonly [Name in HookName]: RunnableHook<Name> };

/** tapable needs the number of arguments. */
const argumentCounts: { readonly [Name in HookName]: HookArguments<Name>['length'] } = {
  discoverModels: 2,
  describeModel: 2,
  planDownload: 2,
  verifyDownload: 3,
  selectBackend: 3,
  beforeStart: 4,
  afterStart: 3,
  beforeStop: 3,
  selectVictims: 2,
  orderQueue: 2,
  suggestModel: 3,
  beforeRequest: 2,
  transformResponse: 3,
};

const hookNames = Object.keys(hookTable) as HookName[];
const classes = {
  AsyncParallelHook,
  AsyncSeriesHook,
  AsyncSeriesBailHook,
  AsyncSeriesWaterfallHook,
  SyncHook,
  SyncBailHook,
};

/** What JavaScript itself reads from any object: `await` and `JSON.stringify`. */
const probed = new Set(['then', 'toJSON']);

type TapFunction = (...parameters: unknown[]) => unknown;

/** Holds the hooks: core runs them through {@link Hooks.run}, plugins get tap points. */
export class Hooks {
  readonly run = createHooks();
  readonly runningTaps = new RunningTaps();

  constructor(
    private readonly events: EventBus,
    private readonly log: Logger,
  ) {}

  /** The tap points of one owner. */
  tapsFor(owner: TapOwner): HookTaps {
    const points = hookNames.map((name) => {
      const tap = (run: TapFunction, options?: { stage?: number }) => this.tap(name, owner, run, options?.stage ?? 0);
      return [name, Object.freeze({ tap })];
    });
    return new Proxy(Object.freeze(Object.fromEntries(points)) as HookTaps, {
      get(taps, name) {
        if (typeof name === 'symbol' || name in taps || probed.has(name)) return Reflect.get(taps, name) as unknown;
        const reason = `there is no hook "${name}"; ${nearestHint(name, hookNames)}`;
        throw new LaminaError('PLUGIN_FAILED', { plugin: owner.name, hook: 'setup', reason });
      },
    });
  }

  /** The hooks that a plugin taps. */
  tappedBy(plugin: string): HookName[] {
    return hookNames.filter((name) => {
      const { taps } = this.run[name] as unknown as { readonly taps: readonly { readonly name: string }[] };
      return taps.some((tap) => tap.name === plugin);
    });
  }

  private tap(name: HookName, owner: TapOwner, run: TapFunction, stage: number): void {
    if (typeof run !== 'function') {
      const reason = `it taps ${name} without a function`;
      throw new LaminaError('PLUGIN_FAILED', { plugin: owner.name, hook: 'setup', reason });
    }
    const hook: unknown = this.run[name];
    const options = { name: owner.name, stage };
    if (isSynchronous(name)) (hook as SyncBailHook<unknown[], unknown>).tap(options, this.guardSync(name, owner, run));
    else (hook as AsyncSeriesBailHook<unknown[], unknown>).tapPromise(options, this.guard(name, owner, run));
  }

  private guard(name: HookName, owner: TapOwner, run: TapFunction): (...parameters: unknown[]) => Promise<unknown> {
    const { limitMs } = hookTable[name];
    const timeoutError = () => new Error(`it took longer than ${limitMs / 1000} s`);
    return async (...parameters) => {
      const { signal, without } = parameters.pop() as HookContext;
      if (owner.closed || without?.has(owner.name) === true) return undefined;
      try {
        const call = (limited: AbortSignal) =>
          this.runningTaps.run(name, owner.name, () =>
            run(...parameters.map(freeze), { signal: limited, log: owner.log }),
          );
        return refuseNull(await withTimeout(signal, limitMs, timeoutError, call));
      } catch (error) {
        signal.throwIfAborted();
        return this.handleFailure(name, owner, error);
      }
    };
  }

  private guardSync(name: HookName, owner: TapOwner, run: TapFunction): TapFunction {
    return (...parameters) => {
      const { signal, without } = parameters.pop() as HookContext;
      if (owner.closed || without?.has(owner.name) === true) return undefined;
      try {
        const given = parameters.map((parameter) => this.forTap(parameter, name, owner));
        const call = () => run(...given, { signal, log: owner.log });
        return requireSynchronous(refuseNull(this.runningTaps.run(name, owner.name, call)));
      } catch (error) {
        return this.handleFailure(name, owner, error);
      }
    };
  }

  /** What a tap receives. What it adds to a response runs later, and fails as if it did in the tap. */
  private forTap(parameter: unknown, name: HookName, owner: TapOwner): unknown {
    if (!(parameter instanceof TransformCollector)) return freeze(parameter);
    return parameter.forTap((run) => {
      try {
        return refuseNull(this.runningTaps.run(name, owner.name, run));
      } catch (error) {
        this.handleFailure(name, owner, error);
        throw error;
      }
    });
  }

  /** Isolates or attributes a failure, as the hook's row says. A LaminaError that a tap throws is passed on. */
  private handleFailure(hook: HookName, owner: TapOwner, error: unknown): undefined {
    const stop = hookTable[hook].onFailure === 'stop';
    if (stop && LaminaError.is(error)) throw error;
    const reason = reasonOf(error);
    this.log.error({ plugin: owner.name, hook, err: error }, 'A plugin failed');
    this.events.emit('plugin.failed', { plugin: owner.name, hook, message: reason });
    if (stop) throw new LaminaError('PLUGIN_FAILED', { plugin: owner.name, hook, reason }, { cause: error });
    return undefined;
  }
}

function isSynchronous(name: HookName): boolean {
  return hookTable[name].type.startsWith('Sync');
}

function createHooks(): RunnableHooks {
  const hooks = hookNames.map((name) => {
    const parameters = Array.from({ length: argumentCounts[name] }, (_, index) => `argument${index + 1}`);
    const TapableHook = classes[hookTable[name].type] as new (parameters: readonly string[]) => unknown;
    return [name, new TapableHook(parameters)];
  });
  return Object.freeze(Object.fromEntries(hooks)) as RunnableHooks;
}

function refuseNull<T>(answer: T): T {
  if (answer === null) throw new Error('it returned null; return undefined to leave the value unchanged');
  return answer;
}
