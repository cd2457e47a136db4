// One run of the runtime: what callers, engines and other programs do, and the account of it that the invariants are
// checked against.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { LaminaError, type Lease, type LaminaEvent, type SlotState } from '@lamina/core';
import type { RoomSnapshot } from '@lamina/core/plugin';
import * as invariants from './invariants.js';
import type { Resources } from './invariants.js';
import { settled } from './manual-clock.js';
import type { Stage } from './scripted-lamina.js';
import type { SharedMemory } from './shared-memory.js';

/** What a model needs, in units of memory. */
export interface Need {
  readonly host: number;
  readonly device: number;
  /** What it needs of both while it sleeps. */
  readonly asleep: number;
}

/** A change of the manifest. */
export interface Edit {
  readonly pinned: readonly string[];
  /** Models of which one may run at a time. */
  readonly group: readonly string[];
  /** An option of every model; a change restarts them. */
  readonly level: number;
}

/** A request that waits. */
interface Request {
  readonly model: string;
  readonly since: number;
  readonly caller: AbortController;
  readonly overtakenOn: Set<string>;
}

/** A decision in which models could be stopped for another one. */
interface Decision {
  readonly before: Omit<invariants.Eviction, 'victims'>;
  /** Models that end in it anyway, because they have been idle for long enough. */
  readonly idle: ReadonlySet<string>;
  /** Models that may be victims, and ended in it. */
  readonly ended: string[];
}

/** How often a start looks at the memory that other programs hold, in milliseconds. */
const lookMs = 250;

/** One run. */
export class Schedule {
  private readonly leases: Lease[] = [];
  private readonly requests: Request[] = [];
  private readonly pending = new Set<Promise<unknown>>();
  /** How many stops the test asked for that have not ended, by model. */
  private readonly told = new Map<string, number>();
  private readonly abandoned = new Set<string>();
  private manifestNow: Edit = { pinned: [], group: [], level: 0 };
  private waiting: ReadonlySet<Request> = new Set();
  /** Until then the runtime need not have noticed that other programs hold less: nothing tells it. */
  private looksAgainBy = -1;
  private pendingStarts = 0;
  private closing = false;
  private readonly decisions: Decision[] = [];
  private current: Decision | undefined;
  private readonly failures: unknown[] = [];

  constructor(
    private readonly needs: ReadonlyMap<string, Need>,
    private readonly limits: { readonly starvationMs: number; readonly idleMs: number },
    private readonly stage: Stage,
    private readonly memory: SharedMemory,
    private readonly manifestPath: string,
  ) {
    memory.held = () => this.sum(stage.script.running)['host'] ?? 0;
    stage.lamina.events.on('model.state', (event) => this.noting(() => this.onState(event)));
    stage.lamina.events.on('model.stopped', ({ model, reason }) => {
      if (reason === 'abandoned') this.abandoned.add(model);
    });
  }

  // What callers do.

  acquire(model: string): void {
    const { lamina, clock } = this.stage;
    const request: Request = { model, since: clock.now(), caller: new AbortController(), overtakenOn: new Set() };
    this.requests.push(request);
    const done = () => this.requests.splice(this.requests.indexOf(request), 1);
    const leased = lamina.runtime.acquire(model, { signal: request.caller.signal }).then((lease) => {
      assert.equal(lease.target.served.name, model);
      this.leases.push(lease);
      this.onGrant(request);
    });
    this.follow(leased.finally(done));
  }

  leave(at: number): void {
    pick(this.requests, at)?.caller.abort();
  }

  release(at: number): void {
    const [lease] = this.leases.splice(at % Math.max(1, this.leases.length), 1);
    lease?.release({ served: !lease.over });
  }

  start(model: string): void {
    this.follow(this.stage.lamina.runtime.start(model));
  }

  stop(model: string): void {
    const count = (by: number) => this.told.set(model, (this.told.get(model) ?? 0) + by);
    count(1);
    this.follow(this.stage.lamina.runtime.stop(model).finally(() => count(-1)));
  }

  async edit(edit: Edit): Promise<void> {
    const { pinned, group } = edit;
    const kept = (before: readonly string[], now: readonly string[]) => before.filter((name) => now.includes(name));
    this.manifestNow = {
      ...edit,
      pinned: kept(this.manifestNow.pinned, pinned),
      group: kept(this.manifestNow.group, group),
    };
    await writeFile(this.manifestPath, manifestText([...this.needs.keys()], edit));
    await this.stage.lamina.models.reload();
    this.manifestNow = edit;
    this.holdersChanged();
  }

  // What engines, other programs and the clock do.

  settleStart(how: 'succeed' | 'fail'): void {
    const { starts } = this.stage.script;
    while (starts[this.pendingStarts]?.over === true) this.pendingStarts += 1;
    const start = starts[this.pendingStarts];
    if (how === 'succeed') start?.succeed();
    else start?.fail('the script says so');
  }

  crash(at: number): void {
    pick(this.stage.script.servers.filter(isRunning), at)?.crash();
  }

  finishStop(at: number): void {
    pick(
      this.stage.script.servers.filter(({ stopping }) => stopping),
      at,
    )?.finishStop();
  }

  takeMemory(others: number): void {
    if (others < this.memory.others) this.looksAgainBy = this.stage.clock.now() + lookMs;
    this.memory.others = others;
    this.holdersChanged();
  }

  advance(ms: number): Promise<void> {
    return this.stage.clock.advance(ms);
  }

  /** Lets what was done have its effect, then checks what must hold at every moment. */
  async check(): Promise<void> {
    await settled();
    for (const decision of this.decisions.splice(0)) this.noting(() => this.checkDecision(decision));
    this.noteWaiting();
    const [failure] = this.failures;
    if (failure !== undefined) throw failure;
    const engines = this.engines();
    const { reserved, budget } = this.stage.lamina.runtime.memory();
    invariants.oneEngineForEachModel({ engines });
    invariants.neverOverBudget({ engines, needed: this.sum(engines), reserved, budget });
  }

  /** Ends the run: other programs end, every start succeeds, every lease is released; then nobody may be waiting. */
  async finish(): Promise<void> {
    const { clock, lamina, script } = this.stage;
    script.automatic = script.automaticStops = true;
    this.takeMemory(0);
    for (let turn = 0; this.pending.size > 0 && turn < 200; turn++) {
      for (const { over } of script.starts) if (!over) this.settleStart('succeed');
      for (const server of script.servers) server.finishStop();
      while (this.leases.length > 0) this.release(0);
      await clock.advance(5_000);
      await this.check();
    }
    invariants.everybodyIsAnswered(this.pending.size);
    while (this.leases.length > 0) this.release(0);
    for (const server of script.servers) server.finishStop();
    this.closing = true;
    await lamina.close();
    const { reserved } = lamina.runtime.memory();
    invariants.everythingIsGivenBack({ engines: this.engines(), reserved, timers: clock.pending });
  }

  /** The tap on the hook `selectVictims`: the policy of core answers. */
  onDecision({ need, missing, running }: RoomSnapshot): undefined {
    const waiting = this.slots().filter(
      ({ model, state, waiting: requests }) =>
        model !== need.model && requests > 0 && (state === 'queued' || state === 'sleeping'),
    );
    const evictable = running.filter((candidate) => candidate.evictable);
    this.current = {
      before: {
        newcomer: need.model,
        need: this.needOf(need.model),
        free: plus(this.free(need.model), this.comingBack()),
        promised: plus(...waiting.map(({ model }) => this.needOf(model))),
        missing,
        candidates: new Map(evictable.map(({ model, resources }) => [model, resources])),
      },
      idle: new Set(evictable.filter(({ idleMs }) => idleMs >= this.limits.idleMs).map(({ model }) => model)),
      ended: [],
    };
    this.decisions.push(this.current);
    queueMicrotask(() => (this.current = undefined));
  }

  private checkDecision({ before, ended }: Decision): void {
    const victims = ended.filter((model) => this.wasEvicted(model));
    for (const victim of victims) this.checkEnding(victim, true);
    invariants.evictsOnlyWhenNeeded({ ...before, victims });
    invariants.evictsOnlyWhenItSuffices({ ...before, victims });
    invariants.evictsNoMoreThanNeeded({ ...before, victims });
  }

  private wasEvicted(model: string): boolean {
    const server = this.stage.script.servers.findLast((candidate) => candidate.model === model);
    if (this.abandoned.delete(model)) return true;
    return server !== undefined && (server.stops.at(-1) === 'evicted' || (server.asleep && isRunning(server)));
  }

  private onState({ model, to }: LaminaEvent<'model.state'>): void {
    this.noteWaiting();
    if (to !== 'ready' && to !== 'degraded') this.holdersChanged();
    if (to === 'starting' || to === 'waking') this.checkStart(model);
    if (to !== 'stopping' && to !== 'sleeping') return;
    this.checkEnding(model, false);
    const { current } = this;
    if (current?.before.candidates.has(model) !== true) return;
    if (to === 'stopping' || !current.idle.has(model)) current.ended.push(model);
  }

  private checkStart(model: string): void {
    const engines = this.slots()
      .filter(occupies)
      .map((slot) => slot.model);
    const { reserved, budget } = this.stage.lamina.runtime.memory();
    const { total, others } = this.memory;
    const needed = this.sum(engines);
    invariants.startsOnlyWithinLimits({
      engines,
      needed,
      reserved,
      budget,
      model,
      need: this.needOf(model),
      total,
      others,
    });
  }

  private checkEnding(model: string, evicted: boolean): void {
    const leases = this.leases.filter((lease) => lease.target.served.name === model && !lease.signal.aborted).length;
    const told = this.closing || (this.told.get(model) ?? 0) > 0;
    const pinned = this.manifestNow.pinned.includes(model);
    invariants.leasedOnesStay({ model, leases, told, pinned, evicted });
    invariants.pinnedOnesStay({ model, leases, told, pinned, evicted });
  }

  private onGrant({ model, since }: Request): void {
    if (this.stage.clock.now() <= this.looksAgainBy) return;
    for (const other of this.requests) {
      const isBound = this.waiting.has(other) && this.waitsForMemory(other);
      if (other.model === model || !isBound || since <= other.since + this.limits.starvationMs) continue;
      other.overtakenOn.add(model);
      this.noting(() => this.checkBound(other));
    }
  }

  private waitsForMemory({ model }: Request): boolean {
    const { state, waitReason } = this.stage.lamina.runtime.slot(model);
    return waitReason !== undefined && (state === 'queued' || state === 'sleeping');
  }

  /** Those that the runtime knew to wait for memory before the next decision: a start is prepared first. */
  private noteWaiting(): void {
    this.waiting = new Set(this.requests.filter((request) => this.waitsForMemory(request)));
  }

  private checkBound({ model, overtakenOn }: Request): void {
    const holders = this.slots()
      .filter((slot) => slot.model !== model && occupies(slot) && slot.state !== 'stopping')
      .map((slot) => slot.model)
      .filter((name) => !this.manifestNow.pinned.includes(name));
    invariants.waitsNoLongerThanTheBound({
      model,
      need: this.needOf(model),
      free: plus(this.free(model), this.comingBack()),
      holders: new Map(holders.map((name) => [name, this.heldBy(name)])),
      overtakenOn,
    });
  }

  /** Who holds what has changed: from now on others may have to make way. */
  private holdersChanged(): void {
    for (const { overtakenOn } of this.requests) overtakenOn.clear();
  }

  // The account of the test.

  /** The models of the engines that run or start, once for each engine. */
  private engines(): string[] {
    const { script } = this.stage;
    return [...script.running, ...script.starts.filter(({ over }) => !over).map(({ model }) => model)];
  }

  private slots() {
    return this.stage.lamina.runtime.slots();
  }

  private needOf(model: string): Resources {
    const { host, device } = this.needs.get(model)!;
    const isInGroup = this.manifestNow.group.includes(model);
    return { host, GPU0: device, servers: 1, ...(isInGroup ? { 'group:one': 1 } : {}) };
  }

  /** What a model holds now: less while it sleeps. */
  private heldBy(model: string): Resources {
    const server = this.stage.script.servers.findLast((candidate) => candidate.model === model);
    const need = this.needOf(model);
    const isOfLastStart = server?.start === this.stage.script.starts.findLast((start) => start.model === model);
    const isStarting = this.stage.lamina.runtime.slot(model).state === 'starting';
    if (server?.asleep !== true || !isOfLastStart || isStarting) return need;
    const { asleep, device } = this.needs.get(model)!;
    return { ...need, host: asleep, GPU0: Math.min(asleep, device) };
  }

  private sum(models: readonly string[]): Resources {
    return plus(...models.map((model) => this.heldBy(model)));
  }

  /** What nobody holds of what the budget limits, for a model that may hold a part already. */
  private free(model: string): Resources {
    const { budget } = this.stage.lamina.runtime.memory();
    const held = this.sum(
      this.slots()
        .filter((slot) => slot.model !== model && occupies(slot))
        .map((slot) => slot.model),
    );
    const left = Object.fromEntries(Object.entries(budget).map(([name, limit]) => [name, limit - (held[name] ?? 0)]));
    return { ...left, host: Math.min(left['host']!, this.memory.total - this.memory.others - (held['host'] ?? 0)) };
  }

  /** What models hold that stop now. */
  private comingBack(): Resources {
    return this.sum(
      this.slots()
        .filter(({ state }) => state === 'stopping')
        .map(({ model }) => model),
    );
  }

  /** Keeps a failed check, which must not be taken for a failure of Lamina, until the end of the step. */
  private noting(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.failures.push(error);
    }
  }

  private follow(promise: Promise<unknown>): void {
    const answered = promise.then(
      () => undefined,
      (error: unknown) => this.noting(() => assert.ok(LaminaError.is(error), String(error))),
    );
    this.pending.add(answered);
    void answered.finally(() => this.pending.delete(answered));
  }
}

/** The manifest of these models, each a file. */
export function manifestText(names: readonly string[], { pinned, group, level }: Edit): string {
  const entry = (name: string) => ({
    path: `${name}.bin`,
    format: 'scripted',
    options: { level },
    pinned: pinned.includes(name),
  });
  const models = Object.fromEntries(names.map((name) => [name, entry(name)]));
  return JSON.stringify({ models, groups: { one: { models: group } } });
}

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list.length === 0 ? undefined : list[at % list.length];
}

function isRunning({ running }: { readonly running: boolean }): boolean {
  return running;
}

function occupies({ state }: { readonly state: SlotState }): boolean {
  return !['stopped', 'queued', 'failed'].includes(state);
}

function plus(...all: readonly Resources[]): Resources {
  const total: Record<string, number> = {};
  for (const resources of all)
    for (const [name, amount] of Object.entries(resources)) total[name] = (total[name] ?? 0) + amount;
  return total;
}
