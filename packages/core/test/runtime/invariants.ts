// What holds whatever happens: one function for each sentence. They compare what the runtime does with the test's own
// account of it: what each model needs, who holds a lease, what other programs took.
import assert from 'node:assert/strict';

/** Amounts by resource. */
export type Resources = Readonly<Record<string, number>>;

/** The engines at one moment. */
export interface Moment {
  /** The model of each engine that runs or starts, once for each engine. */
  readonly engines: readonly string[];
  /** What they need together, by the account of the test. */
  readonly needed: Resources;
  /** What the runtime says is reserved. */
  readonly reserved: Resources;
  readonly budget: Resources;
}

/** A start or a wake, when it begins. */
export interface Start extends Moment {
  readonly model: string;
  readonly need: Resources;
  /** System memory that the machine has, and that other programs hold. */
  readonly total: number;
  readonly others: number;
}

/** An engine that begins to stop or to fall asleep. */
export interface Ending {
  readonly model: string;
  readonly leases: number;
  readonly pinned: boolean;
  /** True when the test told the runtime to stop it. */
  readonly told: boolean;
  /** True when it ends to make way for another model. */
  readonly evicted: boolean;
}

/** A decision to stop models for another one. */
export interface Eviction {
  readonly newcomer: string;
  readonly need: Resources;
  /** What nobody holds, and what the stops in progress will give back. */
  readonly free: Resources;
  /** What other models need that wait too. */
  readonly promised: Resources;
  /** What the victims must free, as the runtime says. */
  readonly missing: Resources;
  /** What each model holds that may be stopped. */
  readonly candidates: ReadonlyMap<string, Resources>;
  readonly victims: readonly string[];
}

/** A request that waits for memory, when newer requests have overtaken it. */
export interface Wait {
  readonly model: string;
  readonly need: Resources;
  /** What nobody holds. */
  readonly free: Resources;
  /** What each model holds that may be stopped once it is idle. */
  readonly holders: ReadonlyMap<string, Resources>;
  /** Models on which a request was served that arrived more than `starvationTimeout` after it. */
  readonly overtakenOn: ReadonlySet<string>;
}

/** What is left when everything has ended. */
export interface Remains {
  readonly engines: readonly string[];
  readonly reserved: Resources;
  readonly timers: number;
}

/** A model never has two engines. */
export function oneEngineForEachModel({ engines }: Pick<Moment, 'engines'>): void {
  assert.equal(new Set(engines).size, engines.length, `a model has two engines: ${engines.join()}`);
}

/** What is reserved, and what the engines need by the account of the test, is never more than the budget. */
export function neverOverBudget({ needed, reserved, budget, engines }: Moment): void {
  for (const resource of limited(budget)) {
    const text = `of ${resource}, of ${budget[resource]}: ${engines.join()}`;
    assert.ok((needed[resource] ?? 0) <= budget[resource]!, `engines need ${needed[resource]} ${text}`);
    assert.ok((reserved[resource] ?? 0) <= budget[resource]!, `${reserved[resource]} are reserved ${text}`);
  }
}

/** A model starts only when what it needs is left: of the budget, of its groups, and beside other programs. */
export function startsOnlyWithinLimits({ model, need, needed, budget, total, others }: Start): void {
  for (const [resource, limit] of Object.entries(budget))
    if ((need[resource] ?? 0) > 0)
      assert.ok(needed[resource]! <= limit, `${model} starts: ${needed[resource]} of ${limit} ${resource}`);
  const host = needed['host']!;
  assert.ok(host + others <= total, `${model} starts: ${host} beside ${others} of other programs, of ${total}`);
}

/** A model with requests in progress is stopped only when somebody says so, and never put to sleep. */
export function leasedOnesStay({ model, leases, told }: Ending): void {
  assert.ok(leases === 0 || told, `${model} was stopped with ${leases} requests in progress`);
}

/** A pinned model never makes way for another one. */
export function pinnedOnesStay({ model, pinned, evicted }: Ending): void {
  assert.ok(!(pinned && evicted), `${model} is pinned, and was evicted`);
}

/** Nothing is evicted for a model that fits. */
export function evictsOnlyWhenNeeded({ newcomer, need, free, promised, victims }: Eviction): void {
  if (victims.length === 0) return;
  const fits = Object.keys(free).every((name) => (need[name] ?? 0) + (promised[name] ?? 0) <= free[name]!);
  assert.ok(!fits, `${victims.join()} were evicted for ${newcomer}, which fits`);
}

/** Nothing is evicted when all models that may be stopped do not suffice together, and nothing else is ever stopped. */
export function evictsOnlyWhenItSuffices({ newcomer, need, free, candidates, victims }: Eviction): void {
  if (victims.length === 0) return;
  for (const victim of victims) assert.ok(candidates.has(victim), `${victim} was evicted, and may not be stopped`);
  for (const [name, amount] of Object.entries(free)) {
    const most = amount + sum(candidates.values(), name);
    const text = `${victims.join()} were evicted for ${newcomer}, which needs ${need[name]} ${name} of at most ${most}`;
    assert.ok((need[name] ?? 0) <= most, text);
  }
}

/** No model is evicted that could stay: without it, what the other victims free would not be enough. */
export function evictsNoMoreThanNeeded({ newcomer, missing, candidates, victims }: Eviction): void {
  for (const victim of victims) {
    const others = victims.filter((other) => other !== victim).map((other) => candidates.get(other)!);
    const suffices = Object.keys(missing).every((name) => sum(others, name) >= missing[name]!);
    assert.ok(!suffices, `${victim} was evicted for ${newcomer}, and ${victims.join()} free enough without it`);
  }
}

/**
 * A request that waits for memory is overtaken, on the models that hold it, only by requests that arrived before it or
 * at most `starvationTimeout` after it: those it was not overtaken on hold enough for it to start once they are idle.
 */
export function waitsNoLongerThanTheBound({ model, need, free, holders, overtakenOn }: Wait): void {
  const suffice = (models: readonly string[]) =>
    Object.keys(free).every((name) => {
      const freed = models.map((holder) => holders.get(holder)!);
      return (need[name] ?? 0) <= free[name]! + sum(freed, name);
    });
  const all = [...holders.keys()];
  if (!suffice(all)) return; // Other programs or pinned models hold it.
  const text = `a request for ${model} was overtaken on ${[...overtakenOn].join()}, whose memory it waits for`;
  assert.ok(suffice(all.filter((holder) => !overtakenOn.has(holder))), text);
}

/** Every request is answered: it gets a server, or an error of Lamina. */
export function everybodyIsAnswered(waiting: number): void {
  assert.equal(waiting, 0, `${waiting} requests still wait`);
}

/** Of two models that exclude each other, each one that starts serves at least one request before it is stopped. */
export function everyStartServes(model: string, served: number): void {
  assert.ok(served > 0, `${model} was stopped before it served a request`);
}

/** In the end everything is given back: no engine runs, nothing is reserved, no timer is set. */
export function everythingIsGivenBack({ engines, reserved, timers }: Remains): void {
  assert.deepEqual(engines, [], 'an engine still runs');
  for (const [resource, amount] of Object.entries(reserved)) assert.equal(amount, 0, `${resource} is still reserved`);
  assert.equal(timers, 0, 'a timer is still set');
}

/** Groups may change while models of them run; what is measured in bytes, and the number of servers, cannot. */
function limited(budget: Resources): string[] {
  return Object.keys(budget).filter((name) => !name.startsWith('group:'));
}

function sum(all: Iterable<Resources>, name: string): number {
  return [...all].reduce((total, resources) => total + (resources[name] ?? 0), 0);
}
