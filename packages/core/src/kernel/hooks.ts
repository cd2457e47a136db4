// The twelve hooks as tapable objects, and the one guard around every tap.
import {
  AsyncParallelHook,
  AsyncSeriesBailHook,
  AsyncSeriesHook,
  AsyncSeriesWaterfallHook,
  SyncBailHook,
} from 'tapable';
import type { ModelServer, StopReason } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from './reason.js';
import {
  hookTable,
  type BackendCandidate,
  type Discovery,
  type HookName,
  type HookTaps,
  type QueueSnapshot,
  type Requirements,
  type RoomSnapshot,
  type SuggestCandidate,
} from '../contract/hooks.js';
import type { Model } from '../contract/models.js';
import type { Context, Logger } from '../contract/context.js';
import type { InferenceRequest } from '../contract/inference.js';
import type { DownloadPlan, PlanFile } from '../contract/source.js';
import type { EventBus } from './event-bus.js';
import { freeze } from './freeze.js';
import { isPromise, withLimit, type Limited } from './limit.js';

type Options = Readonly<Record<string, unknown>>;

/** Who taps: a plugin, by name. Once closed, its taps say nothing more: tapable has no untap. */
export interface TapOwner {
  readonly name: string;
  readonly log: Logger;
  closed: boolean;
}

function createHooks() {
  return Object.freeze({
    discoverModels: new AsyncParallelHook<[Discovery, Context]>(['discovery', 'context']),
    describeModel: new AsyncSeriesWaterfallHook<[Model, Context]>(['model', 'context']),
    planDownload: new AsyncSeriesWaterfallHook<[DownloadPlan, Context]>(['plan', 'context']),
    verifyDownload: new AsyncSeriesHook<[DownloadPlan, readonly PlanFile[], Context]>(['plan', 'files', 'context']),
    selectBackend: new AsyncSeriesBailHook<[Model, readonly BackendCandidate[], Context], string | undefined>([
      'model',
      'candidates',
      'context',
    ]),
    beforeStart: new AsyncSeriesWaterfallHook<[Options, Model, string, Context]>([
      'options',
      'model',
      'backend',
      'context',
    ]),
    afterStart: new AsyncSeriesHook<[Model, ModelServer, Context]>(['model', 'server', 'context']),
    beforeStop: new AsyncSeriesHook<[Model, StopReason, Context]>(['model', 'reason', 'context']),
    selectVictims: new SyncBailHook<[RoomSnapshot, Context], readonly string[] | undefined>(['snapshot', 'context']),
    orderQueue: new SyncBailHook<[QueueSnapshot, Context], readonly number[] | undefined>(['snapshot', 'context']),
    suggestModel: new AsyncSeriesWaterfallHook<[readonly SuggestCandidate[], Requirements, Context]>([
      'candidates',
      'requirements',
      'context',
    ]),
    beforeRequest: new AsyncSeriesWaterfallHook<[InferenceRequest, Context]>(['request', 'context']),
  });
}

type Done = (error?: unknown, answer?: unknown) => void;
type TapFunction = (...parameters: unknown[]) => unknown;

/** Holds the hooks: core runs them through {@link Hooks.run}, plugins get tap points. */
export class Hooks {
  /** The hooks themselves; check `isUsed()` before preparing arguments that cost something. */
  readonly run = createHooks();

  constructor(
    private readonly events: EventBus,
    private readonly log: Logger,
  ) {}

  /** The tap points of one owner. */
  tapsFor(owner: TapOwner): HookTaps {
    const names = Object.keys(hookTable) as HookName[];
    const points = names.map((name) => [
      name,
      Object.freeze({
        tap: (run: TapFunction, options?: { stage?: number }) => this.tap(name, owner, run, options?.stage ?? 0),
      }),
    ]);
    return Object.freeze(Object.fromEntries(points)) as unknown as HookTaps;
  }

  private tap(name: HookName, owner: TapOwner, run: TapFunction, stage: number): void {
    const hook = this.run[name];
    const tap = { name: owner.name, stage };
    if (hookTable[name].type === 'SyncBailHook')
      (hook as unknown as SyncBailHook<[unknown, Context], unknown>).tap(tap, this.guardSync(name, owner, run));
    else (hook as unknown as AsyncSeriesHook<unknown[]>).tapAsync(tap, this.guard(name, owner, run) as () => void);
  }

  /** A tap that answers at once has answered at once: 10,000 models are not described by way of as many promises. */
  private guard(name: HookName, owner: TapOwner, run: TapFunction): (...parameters: unknown[]) => void {
    const { limitMs } = hookTable[name];
    const late = () => new Error(`it took longer than ${limitMs / 1000} s`);
    return (...parameters) => {
      const done = parameters.pop() as Done;
      if (owner.closed) return done();
      const { signal } = parameters.at(-1) as Context;
      const subjects = parameters.slice(0, -1).map(freeze);
      const recover = (error: unknown) => {
        if (signal.aborted) throw signal.reason;
        return this.failed(name, owner, error);
      };
      answerTo(
        done,
        () => withLimit(signal, limitMs, late, (limited) => run(...subjects, contextOf(limited, owner.log))),
        recover,
      );
    };
  }

  private guardSync(name: HookName, owner: TapOwner, run: TapFunction): TapFunction {
    return (...parameters) => {
      if (owner.closed) return undefined;
      const { signal } = parameters.at(-1) as Context;
      try {
        const answer = refuseNull(run(...parameters.slice(0, -1).map(freeze), { signal, log: owner.log }));
        if (answer instanceof Promise) throw new Error('it returned a promise; this hook is synchronous');
        return answer;
      } catch (error) {
        return this.failed(name, owner, error);
      }
    };
  }

  /** Isolates or attributes a failure, as the hook's row says. A LaminaError thrown on purpose passes as it is. */
  private failed(hook: HookName, owner: TapOwner, error: unknown): undefined {
    const stop = hookTable[hook].onFailure === 'stop';
    if (stop && LaminaError.is(error)) throw error;
    const reason = reasonOf(error);
    this.log.error({ plugin: owner.name, hook, err: error }, 'A plugin failed');
    this.events.emit('plugin.failed', { plugin: owner.name, hook, message: reason });
    if (stop) throw new LaminaError('PLUGIN_FAILED', { plugin: owner.name, hook, reason }, { cause: error });
    return undefined;
  }
}

/** What the taps of a hook make of a call of it: at once when all of them answer at once. */
export function answerOf<T>(call: (done: (error?: Error | null, answer?: T) => void) => void): T | Promise<T> {
  let settled: (() => T) | undefined;
  let settle = (outcome: () => T): void => void (settled = outcome);
  call((error, answer) =>
    settle(() => {
      if (error !== undefined && error !== null) throw error;
      return answer as T;
    }),
  );
  if (settled !== undefined) return (settled as () => T)();
  return new Promise<() => T>((resolve) => (settle = resolve)).then((outcome) => outcome());
}

/** The signal is not read before a tap reads it: most taps never do. */
function contextOf(limited: Limited, log: Logger): Context {
  return {
    get signal() {
      return limited.signal;
    },
    log,
  };
}

/**
 * Gives a callback what `work` answers, at once when it answers at once; of a failure what `recover` makes of it, or
 * throws.
 */
function answerTo(done: Done, work: () => unknown, recover: (error: unknown) => unknown): void {
  let answer: unknown;
  try {
    answer = refuseNull(work());
  } catch (error) {
    answer = Promise.reject(error as Error);
  }
  if (isPromise(answer))
    answer
      .then(refuseNull)
      .catch(recover)
      .then((value) => done(undefined, value), done);
  else done(undefined, answer);
}

function refuseNull(answer: unknown): unknown {
  if (answer === null) throw new Error('it returned null; return undefined to keep what is');
  return answer;
}
