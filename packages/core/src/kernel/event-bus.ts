// Broadcasts events: typed, numbered, the last thousand kept for clients that reconnect, progress at most ten a second.
import { randomUUID } from 'node:crypto';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from './reason.js';
import type { EventData, Events, EventType, LaminaEvent, PluginEvent } from '../contract/events.js';
import type { Clock, Logger } from '../contract/context.js';

const kept = 1_000;
const progressIntervalMs = 100;
const transient: ReadonlySet<string> = new Set<EventType>([
  'model.progress',
  'backend.progress',
  'download.progress',
  'log.line',
  'queue.position',
]);
const throttled: ReadonlySet<EventType> = new Set<EventType>([
  'model.progress',
  'backend.progress',
  'download.progress',
]);

/** Events that have a model for their subject without saying that its progress has ended. */
const passing: ReadonlySet<EventType> = new Set<EventType>([
  'log.line',
  'queue.position',
  'request.started',
  'request.finished',
]);

interface Pending {
  lastAt: number;
  /** Cancels the event that waits. */
  cancel?: () => void;
}

/** Emits events; outside core it is only {@link Events}. */
export class EventBus implements Events {
  /** Identifies this Lamina until it is closed: the first part of each event id. */
  readonly session = randomUUID().slice(0, 8);
  private readonly listeners = new Map<string, Set<(event: LaminaEvent) => void>>();
  private readonly history: LaminaEvent[] = [];
  private readonly progress = new Map<string, Pending>();
  private count = 0;
  private lastKept = 0;
  private forgotten = 0;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  get last(): string {
    return `${this.session}-${this.lastKept}`;
  }

  get oldest(): string {
    return `${this.session}-${this.forgotten}`;
  }

  /**
   * Emits an event. Progress of one subject is emitted at most every 100 ms, the newest one, and never after the event
   * that ends it.
   */
  emit<Type extends EventType>(type: Type, data: EventData<Type>): void {
    const subject = subjectOf(data);
    if (throttled.has(type)) return this.emitThrottled(`${type} ${subject}`, type, data);
    if (!passing.has(type)) this.dropProgress(subject);
    this.publish(type, data);
  }

  /** Emits an event of a plugin. */
  emitForPlugin(type: string, data: object): void {
    this.publish(type, data);
  }

  on<Type extends EventType>(type: Type, listener: (event: LaminaEvent<Type>) => void): () => void;
  on(type: string, listener: (event: PluginEvent) => void): () => void;
  on(type: string, listener: (event: never) => void): () => void {
    return this.listen(type, listener as (event: LaminaEvent) => void);
  }

  onAny(listener: (event: LaminaEvent) => void): () => void {
    return this.listen('*', listener);
  }

  once<Type extends EventType>(
    type: Type,
    options: { signal: AbortSignal; where?: (event: LaminaEvent<Type>) => boolean },
  ): Promise<LaminaEvent<Type>> {
    return new Promise((resolve, reject) => {
      const aborted = () => {
        stop();
        reject(new LaminaError('ABORTED', {}, { cause: options.signal.reason }));
      };
      const stop = this.on(type, (event) => {
        if (options.where?.(event) === false) return;
        stop();
        options.signal.removeEventListener('abort', aborted);
        resolve(event);
      });
      if (options.signal.aborted) aborted();
      else options.signal.addEventListener('abort', aborted, { once: true });
    });
  }

  since(id: string): readonly LaminaEvent[] | undefined {
    const dash = id.lastIndexOf('-');
    const number = Number(id.slice(dash + 1));
    if (id.slice(0, dash) !== this.session || !Number.isInteger(number) || number > this.count) return undefined;
    if (number < this.forgotten) return undefined;
    return this.history.filter((event) => numberOf(event) > number);
  }

  /** Removes all listeners and drops pending progress. */
  dispose(): void {
    for (const { cancel } of this.progress.values()) cancel?.();
    this.progress.clear();
    this.listeners.clear();
  }

  private listen(type: string, listener: (event: LaminaEvent) => void): () => void {
    const set = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, set);
    const own = (event: LaminaEvent) => listener(event);
    set.add(own);
    return () => void set.delete(own);
  }

  private emitThrottled<Type extends EventType>(key: string, type: Type, data: EventData<Type>): void {
    const now = this.clock.now();
    const pending = this.progress.get(key) ?? { lastAt: -Infinity };
    this.progress.set(key, pending);
    pending.cancel?.();
    delete pending.cancel;
    const publish = () => {
      delete pending.cancel;
      pending.lastAt = this.clock.now();
      this.publish(type, data);
    };
    const wait = pending.lastAt + progressIntervalMs - now;
    if (wait <= 0) publish();
    else pending.cancel = this.clock.after(wait, publish);
  }

  private dropProgress(subject: string): void {
    for (const type of throttled) {
      this.progress.get(`${type} ${subject}`)?.cancel?.();
      this.progress.delete(`${type} ${subject}`);
    }
  }

  private publish(type: string, data: object): void {
    this.count += 1;
    const event = Object.freeze({
      ...data,
      id: `${this.session}-${this.count}`,
      at: this.clock.date().toISOString(),
      type,
    }) as unknown as LaminaEvent;
    if (!transient.has(type)) {
      this.lastKept = this.count;
      this.history.push(event);
      if (this.history.length > kept) this.forgotten = numberOf(this.history.shift()!);
    }
    for (const key of [type, '*'] as const) {
      for (const listener of [...(this.listeners.get(key) ?? [])]) this.deliver(listener, event);
    }
  }

  private deliver(listener: (event: LaminaEvent) => void, event: LaminaEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.log.error({ type: event.type, reason: reasonOf(error) }, 'An event listener failed');
    }
  }
}

function numberOf(event: LaminaEvent): number {
  return Number(event.id.slice(event.id.lastIndexOf('-') + 1));
}

function subjectOf(data: object): string {
  const { download, model, backend } = data as { download?: string; model?: string; backend?: string };
  return download ?? model ?? backend ?? '';
}
