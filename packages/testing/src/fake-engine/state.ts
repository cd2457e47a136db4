// Counters of a running fake engine; tests read them at `GET /fake/state`.
import { EventEmitter } from 'node:events';
import type { Behaviour } from './behaviour.js';

/** A request as the engine received it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Parsed JSON, or the text if it is not JSON. */
  readonly body: unknown;
}

/** The response of `GET /fake/state`. */
export interface FakeEngineState {
  readonly model: string;
  readonly ready: boolean;
  readonly asleep: boolean;
  /** Inference requests it is computing now, the most it ever did at once, and those that wait for `parallel`. */
  readonly busy: number;
  readonly most_busy: number;
  readonly waiting: number;
  /**
   * Inference requests so far: all, answered to the end, cut short (by a client that left, or by the engine itself).
   */
  readonly requests: number;
  readonly finished: number;
  readonly aborted: number;
  /** Bytes of streams that its clients, or the connections to them, have taken. */
  readonly sent_bytes: number;
  /** The last inference request. */
  readonly last?: SeenRequest;
}

/** The internal state of the engine. */
export interface Engine extends Mutable<Omit<FakeEngineState, 'last'>> {
  last: SeenRequest | undefined;
  readonly key: string | undefined;
  behaviour: Behaviour;
  /** True once `/health` or `/v1/models` has answered 200. */
  announced: boolean;
  /** Emits `place` when a request has left one. */
  readonly free: EventEmitter;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The initial state. */
export function newEngine(model: string, key: string | undefined, behaviour: Behaviour): Engine {
  const counts = { busy: 0, most_busy: 0, waiting: 0, requests: 0, finished: 0, aborted: 0, sent_bytes: 0 };
  return {
    model,
    key,
    behaviour,
    free: new EventEmitter().setMaxListeners(0),
    ready: false,
    asleep: false,
    announced: false,
    last: undefined,
    ...counts,
  };
}

/** The state for tests. */
export function report(engine: Engine): FakeEngineState {
  const { key: _key, behaviour: _behaviour, announced: _announced, free: _free, last, ...state } = engine;
  return { ...state, ...(last === undefined ? {} : { last }) };
}
