// What models may use, and what is reserved for those that run.
import { availableParallelism } from 'node:os';
import type { Device, Machine, MemoryEstimate } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import type { MemorySnapshot, ModelMemory, Resources } from '../contract/memory.js';
import type { Models } from '../contract/models.js';
import type { SystemMemory } from '../contract/processes.js';
import type { LearnedKey } from './learned-memory.js';
import { minus, plus } from './resources.js';

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;

/** What a model needs, as far as it is known before its start; in bytes. */
export interface StartMemory {
  /** System memory without which the engine dies. */
  readonly hardBytes: number;
  /** Weights mapped from files, which make the model slow when they do not fit. */
  readonly mappedBytes: number;
  readonly deviceBytes: Readonly<Record<string, number>>;
  /** What it needs while it sleeps. */
  readonly asleep?: MemoryEstimate['asleep'];
  readonly basis: ModelMemory['basis'];
  /** Under which what it takes is remembered. */
  readonly key: LearnedKey;
  /** The context length of the estimate, and the largest one that fits this machine, in tokens. */
  readonly contextLength?: number;
  readonly largestContext?: number;
}

/** A reservation of a model that runs or starts. */
interface Reservation {
  readonly resources: Resources;
  readonly memory: StartMemory;
  /** False while it starts or wakes: it does not hold its memory yet. */
  readonly isLoaded: boolean;
  /** True when not all of its mapped weights fit. */
  readonly isSlow: boolean;
  /** When last measured. */
  readonly residentBytes?: number;
}

/** The budget of every resource, and what is reserved of it. */
export class Memory {
  private readonly reservations = new Map<string, Reservation>();
  private readonly devices = new Map<string, Device>();
  private reading: ReturnType<SystemMemory['read']> | undefined;

  constructor(
    private readonly config: Config,
    private readonly models: Models,
    private readonly system: SystemMemory,
  ) {}

  /** What estimates may count with, for an engine with these devices. */
  machine(devices: readonly Device[] = []): Machine {
    const budget = this.budget();
    const most = minus(budget, this.pinned());
    const reserved = this.reserved();
    const placed = devices.map((device) => ({
      ...device,
      reservedBytes: reserved[device.name] ?? 0,
      ...(budget[device.name] === undefined
        ? {}
        : { totalBytes: budget[device.name]!, freeBytes: Math.max(0, most[device.name] ?? 0) }),
    }));
    return {
      totalBytes: budget['host']!,
      freeBytes: Math.max(0, most['host']!),
      cores: availableParallelism(),
      devices: placed,
    };
  }

  /** Learns which devices there are; core calls it with those of an engine before a model starts on it. */
  seen(devices: readonly Device[]): void {
    for (const device of devices) if (!this.devices.has(device.name)) this.devices.set(device.name, device);
  }

  /** What all models together may use. */
  budget(): Resources {
    const { memory, deviceMemory, maxLoaded } = this.config.limits;
    const { totalBytes } = this.read();
    const budget: Record<string, number> = { host: Math.min(totalBytes, memory ?? totalBytes - reserveOf(totalBytes)) };
    for (const { name, totalBytes: total, freeBytes: free } of this.devices.values()) {
      const limit = deviceMemory[name] ?? free ?? total;
      if (limit !== undefined) budget[name] = Math.min(limit, total ?? limit);
    }
    if (maxLoaded !== undefined) budget['servers'] = maxLoaded;
    for (const [group, { max_loaded: most = 1 }] of Object.entries(this.models.manifest.groups))
      budget[`group:${group}`] = most;
    return budget;
  }

  /** What one more model could get now, of this budget. Negative where more is reserved than there is. */
  free(budget: Resources): Resources {
    const free = minus(budget, this.reserved());
    return { ...free, host: Math.min(free['host']!, this.read().availableBytes - this.outstanding()) };
  }

  /** What is reserved for all models. */
  reserved(): Resources {
    return plus(...[...this.reservations.values()].map(({ resources }) => resources));
  }

  /** What pinned models hold: no other model can ever get it. */
  pinned(): Resources {
    const isPinned = (name: string) => this.models.get(name)?.model.pinned === true;
    return plus(...[...this.reservations].flatMap(([name, { resources }]) => (isPinned(name) ? [resources] : [])));
  }

  /** What a model holds. */
  held(model: string): Resources {
    return this.reservations.get(model)?.resources ?? {};
  }

  /** Reserves what a model holds from now on, instead of what it held. */
  reserve(name: string, resources: Resources, memory: StartMemory): void {
    const isSlow = (resources['host'] ?? 0) < memory.hardBytes + memory.mappedBytes;
    this.reservations.set(name, { resources, memory, isSlow, isLoaded: false });
  }

  /** What a model was measured to take. One that takes more than was reserved holds more from now on. */
  measured(name: string, residentBytes: number): void {
    const reservation = this.reservations.get(name);
    if (reservation === undefined) return;
    const { resources, memory } = reservation;
    const more = Math.max(0, residentBytes - memory.hardBytes);
    this.reservations.set(name, {
      ...reservation,
      resources: more === 0 ? resources : plus(resources, { host: more }),
      memory: { ...memory, hardBytes: memory.hardBytes + more },
      residentBytes,
    });
  }

  /** The system memory that is reserved for a model, in bytes. */
  reservedBytes(name: string): number {
    return this.reservations.get(name)?.memory.hardBytes ?? 0;
  }

  /** From now on a model holds what is reserved for it. */
  loaded(name: string): void {
    const reservation = this.reservations.get(name);
    if (reservation !== undefined) this.reservations.set(name, { ...reservation, isLoaded: true });
  }

  /** The memory of a model that runs, as it is shown. */
  view(model: string): ModelMemory | undefined {
    const reservation = this.reservations.get(model);
    if (reservation === undefined) return undefined;
    const { resources, memory, residentBytes, isSlow } = reservation;
    return {
      reserved: resources,
      basis: memory.basis,
      ...(residentBytes === undefined ? {} : { residentBytes }),
      ...(isSlow ? { slow: true } : {}),
    };
  }

  /** Keeps only what a model needs while it sleeps. */
  sleep(name: string): void {
    const reservation = this.reservations.get(name);
    if (reservation !== undefined)
      this.reservations.set(name, { ...reservation, resources: minus(reservation.resources, this.freedBySleep(name)) });
  }

  /** What a model gives back when it falls asleep. */
  freedBySleep(name: string): Resources {
    const { resources, memory } = this.reservations.get(name) ?? {};
    if (resources === undefined || memory?.asleep === undefined) return {};
    const { hostBytes, deviceBytes } = memory.asleep;
    const asleep: Resources = { ...resources, ...zeros(memory.deviceBytes), host: hostBytes, ...deviceBytes };
    return minus(resources, asleep);
  }

  release(model: string): void {
    this.reservations.delete(model);
  }

  /** What a model needs besides memory: a place among the servers and in its groups. */
  countsOf(model: string): Resources {
    const names = [model, ...(this.models.get(model)?.model.aliases ?? [])];
    const groups = Object.entries(this.models.manifest.groups).filter(([, { models }]) =>
      models.some((member) => names.includes(member)),
    );
    return { servers: 1, ...Object.fromEntries(groups.map(([group]) => [`group:${group}`, 1])) };
  }

  /** Counts the models that run again, after a change of the groups. */
  recount(): void {
    for (const [name, reservation] of this.reservations) {
      const others = Object.entries(reservation.resources).filter(([resource]) => !resource.startsWith('group:'));
      const resources = { ...Object.fromEntries(others), ...this.countsOf(name) };
      this.reservations.set(name, { ...reservation, resources });
    }
  }

  snapshot(): MemorySnapshot {
    const budget = this.budget();
    return { budget, reserved: this.reserved(), free: this.free(budget), ...this.read() };
  }

  /** What is reserved for models, must be in memory, and is not yet: other programs must not be given it. */
  outstanding(): number {
    return [...this.reservations.values()].reduce((total, { resources, memory, isLoaded, residentBytes }) => {
      const hardBytes = Math.min(memory.hardBytes, resources['host'] ?? 0);
      return total + Math.max(0, hardBytes - (residentBytes ?? (isLoaded ? hardBytes : 0)));
    }, 0);
  }

  /** What the system says; read once for all that is computed at the same time. */
  private read(): ReturnType<SystemMemory['read']> {
    if (this.reading === undefined) {
      this.reading = this.system.read();
      queueMicrotask(() => (this.reading = undefined));
    }
    return this.reading;
  }
}

function zeros(resources: Resources): Resources {
  return Object.fromEntries(Object.keys(resources).map((name) => [name, 0]));
}

/** What stays free for everything else on the machine. */
function reserveOf(totalBytes: number): number {
  return totalBytes < 8 * gibibyte ? 512 * mebibyte : Math.max(gibibyte, Math.round(totalBytes * 0.05));
}
