// Compares the time that each request took with the bound that the scheduler keeps. The rule: a request that waits for
// memory is overtaken, on the models that must make way for it, only by requests that arrived before it or at most the
// starvation timeout after it. So the requests that can delay one that arrives at `t` are those that were in progress
// or waiting at `t`, or arrived up to `t` + the starvation timeout; no other model must load before it. Its bound is
//
//   starvation timeout
//   + for each model of these requests: its turns × (stop + load + slack) + its rounds × request
//   + for each fault of one of these models meanwhile: how long it lasted + stop + load + request + slack
//
// stop: the longest stop of any model, as the victims may be idle. load, request: the longest of this model, streams
// and slow readers included. All are those of the run that no fault touched. The requests of a model are served in one
// turn, except that a waiting request W of another model separates those that arrived up to W + the starvation timeout
// from the later ones: those have to wait for W, so the model may have to load once more. In a turn, a model that
// computes p requests at once serves n of them in ceil(n / p) rounds; (n + turns × (p - 1)) / p is the most for all
// turns together.
import type { Disturbances, Kind } from './disturbances.js';
import { models } from './models.js';
import { starvationMs } from './settings.js';
import type { Tally } from './tally.js';

/** What the event loops of this machine, where everything runs at once, may add to each step. */
const slackMs = 250;
/** A fault of these kinds makes the server load a model once more. */
const faults: readonly Kind[] = [
  'kill',
  'freeze',
  'pause',
  'stop',
  'restart',
  'memory',
  'options',
  'invalid file',
  'half a file',
];
/** These requests need no model server. */
const needsNoServer = /^(lists|download|DELETE|POST stop)/;

interface Answered {
  readonly client: string;
  readonly model: string;
  readonly from: number;
  readonly ms: number;
}

interface Judged extends Answered {
  readonly bound: number;
  readonly faults: number;
}

/** What a server event says, as far as it is used. */
export interface TimedEvent {
  readonly type: string;
  readonly at: string;
  readonly model?: string;
  readonly to?: string;
  readonly reason?: string;
  readonly load_ms?: number;
  readonly ms?: number;
  readonly queue_ms?: number;
}

/** The times of all requests of a run, and the times of its models. */
export class Waits {
  /** Models stopped for others, and models loaded. */
  readonly counts = { evicted: 0, abandoned: 0, loaded: 0 };
  private readonly answered: Answered[] = [];
  private readonly stopping = new Map<string, number>();
  private readonly longest = {
    load: new Map<string, number>(),
    stop: new Map<string, number>(),
    request: new Map<string, number>(),
  };

  constructor(private readonly disturbances: Disturbances) {}

  /** Records a request that ended, however it ended. */
  add(answered: Answered): void {
    if (!needsNoServer.test(answered.client)) this.answered.push(answered);
  }

  /** Learns the times of loads, stops and requests that no fault touched. */
  read({ type, at, model = '', to, reason, load_ms: load = 0, ms = 0, queue_ms: queued = 0 }: TimedEvent): void {
    const now = Date.parse(at);
    if (type === 'model.state' && to === 'stopping') this.stopping.set(model, now);
    if (type === 'model.stopped') {
      if (reason === 'evicted' || reason === 'abandoned') this.counts[reason] += 1;
      this.longer('stop', now - (this.stopping.get(model) ?? now), now, model);
    }
    if (type === 'model.ready') {
      this.counts.loaded += 1;
      this.longer('load', load, now, model);
    }
    if (type === 'request.finished') this.longer('request', ms - queued - load, now, model);
  }

  /** Counts every request that took longer than its bound, and notes the worst. */
  check(tally: Tally): void {
    const judged = this.answered.map((one) => this.judge(one));
    const what = 'requests that took longer than their bound';
    for (const one of judged.filter(({ ms, bound }) => ms > bound))
      tally.check(what, 1, `${one.client}, ${show(one)}, with ${one.faults} faults meanwhile`);
    tally.check(what, 0, `of ${judged.length}`);
    const { evicted, abandoned, loaded } = this.counts;
    tally.note(`Loaded ${loaded} times, evicted ${evicted} times, abandoned ${abandoned} times.`);
    const names = [...models.map(({ name }) => name), downloaded];
    const times = names.map(
      (name) => `${name} ${seconds(this.most('load', name))}/${seconds(this.most('request', name))}`,
    );
    tally.note(`Longest stop ${seconds(this.most('stop'))}; longest load/request: ${times.join(', ')}.`);
    noteWorst(
      tally,
      'without',
      judged.filter((one) => one.faults === 0),
    );
    noteWorst(
      tally,
      'with',
      judged.filter((one) => one.faults > 0),
    );
  }

  private judge(one: Answered): Judged {
    const { from, ms } = one;
    const arrivals = new Map<string, number[]>();
    for (const other of this.answered) {
      if (other.from > from + starvationMs || other.from + other.ms < from) continue;
      const name = keyOf(other.model);
      arrivals.set(name, [...(arrivals.get(name) ?? []), other.from]);
    }
    const parts = [...arrivals].map(([name, own]) => {
      const others = [...arrivals].flatMap(([other, times]) => (other === name ? [] : times));
      const turns = turnsOf(own, others);
      const rounds = roundsOf(own.length, turns, models.find((model) => model.name === name)?.parallel ?? Infinity);
      return turns * (this.most('stop') + this.most('load', name) + slackMs) + rounds * this.most('request', name);
    });
    const hits = this.disturbances
      .between(faults, from, from + ms)
      .filter(({ model }) => model === undefined || arrivals.has(keyOf(model)));
    const again = this.most('stop') + this.most('load') + this.most('request') + slackMs;
    const delays = hits.map((hit) => hit.ms + again);
    return { ...one, bound: starvationMs + sum(parts) + sum(delays), faults: hits.length };
  }

  /** The longest time of a model, or of all: also for a model that a fault touched each time. */
  private most(what: 'load' | 'stop' | 'request', name?: string): number {
    const times = this.longest[what];
    return (name === undefined ? undefined : times.get(name)) ?? Math.max(0, ...times.values());
  }

  private longer(what: 'load' | 'stop' | 'request', ms: number, now: number, model: string): void {
    const touched = this.disturbances
      .between(['freeze', 'pause', 'kill'], now - ms, now)
      .some((fault) => fault.model === undefined || fault.model === model);
    if (touched) return;
    const name = keyOf(model);
    this.longest[what].set(name, Math.max(this.longest[what].get(name) ?? 0, ms));
  }
}

/** Downloaded models count as one: they are alike, and most are used once. */
const downloaded = 'downloaded';

function keyOf(model: string): string {
  return model.startsWith('dl-') ? downloaded : model;
}

/** How often a model may have to be loaded for requests that arrived at these times. */
function turnsOf(own: readonly number[], others: readonly number[]): number {
  const times = own.toSorted((a, b) => a - b);
  const separates = (before: number, after: number) =>
    others.some((other) => before <= other + starvationMs && other + starvationMs < after);
  return times.filter((time, index) => index === 0 || separates(times[index - 1]!, time)).length;
}

function roundsOf(count: number, turns: number, parallel: number): number {
  return parallel === Infinity ? turns : Math.min(count, Math.floor((count + turns * (parallel - 1)) / parallel));
}

function noteWorst(tally: Tally, how: 'with' | 'without', some: readonly Judged[]): void {
  const longest = some.toSorted((a, b) => b.ms - a.ms)[0];
  const closest = some.toSorted((a, b) => b.ms / b.bound - a.ms / a.bound)[0];
  if (longest === undefined || closest === undefined) return;
  tally.note(
    `${some.length} requests ${how} a fault meanwhile: the longest ${show(longest)}; the closest to its bound ${show(closest)}.`,
  );
}

function show({ model, ms, bound }: Judged): string {
  return `${model} ${seconds(ms)} of ${seconds(bound)}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
