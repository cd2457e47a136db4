// Compares the time that each request took with the bound that the scheduler keeps: a request that waits for memory is
// not overtaken, on the models that hold it, by one that arrives more than the starvation timeout later. So it waits at
// most, for each model whose requests came before, the stop and the load of that model and the requests in progress.
import type { Disturbances, Kind } from './disturbances.js';
import { models } from './models.js';
import { starvationMs } from './settings.js';
import type { Tally } from './tally.js';

/** Models that the download clients use beside {@link models}. */
const downloadedModels = 4;
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
  'edit',
  'invalid file',
  'half a file',
];

interface Answered {
  readonly client: string;
  readonly model: string;
  readonly from: number;
  readonly ms: number;
  /** Requests in progress or waiting when it was sent, by model. */
  readonly before: ReadonlyMap<string, number>;
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
  private readonly longest = { load: 0, stop: 0, request: 0 };

  constructor(private readonly disturbances: Disturbances) {}

  /** Records a request that ended, however it ended. */
  add(answered: Answered): void {
    this.answered.push(answered);
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
    const { load, stop, request } = this.longest;
    const judged = this.answered.map((one) => ({ ...one, ...this.boundOf(one) }));
    const over = judged.filter(({ ms, bound }) => ms > bound);
    for (const { client, model, ms, bound, hits } of over)
      tally.check(
        'requests that took longer than their bound',
        1,
        `${client} of ${model}: ${seconds(ms)}, its bound is ${seconds(bound)} with ${hits} faults meanwhile`,
      );
    tally.check('requests that took longer than their bound', 0, `of ${judged.length}`);
    tally.note(
      `Longest without a fault: load ${seconds(load)}, stop ${seconds(stop)}, request ${seconds(request)}. Loaded ${this.counts.loaded} times, evicted ${this.counts.evicted} times, abandoned ${this.counts.abandoned} times.`,
    );
    for (const [what, some] of [
      ['requests without a fault meanwhile', judged.filter(({ hits }) => hits === 0)],
      ['requests with faults meanwhile', judged.filter(({ hits }) => hits > 0)],
    ] as const) {
      const byWait = some.toSorted((a, b) => b.ms - a.ms)[0];
      const byShare = some.toSorted((a, b) => b.ms / b.bound - a.ms / a.bound)[0];
      if (byWait === undefined || byShare === undefined) continue;
      tally.note(
        `${some.length} ${what}: the longest took ${seconds(byWait.ms)} (${byWait.model}; bound ${seconds(byWait.bound)}), the closest to its bound ${seconds(byShare.ms)} of ${seconds(byShare.bound)} (${byShare.model}).`,
      );
    }
  }

  private boundOf({ from, ms, before }: Answered): { bound: number; hits: number } {
    const { load, stop, request } = this.longest;
    const rounds = models.reduce(
      (sum, { name, parallel }) => sum + Math.max(1, Math.ceil((before.get(name) ?? 0) / parallel)),
      downloadedModels,
    );
    const count = models.length + downloadedModels;
    const undisturbed = starvationMs + count * (stop + load + slackMs) + (rounds + 1) * request;
    const hits = this.disturbances.between(faults, from, from + ms);
    const lasted = hits.reduce((sum, hit) => sum + hit.ms, 0);
    return { bound: undisturbed + lasted + hits.length * (stop + load + request + slackMs), hits: hits.length };
  }

  private longer(what: 'load' | 'stop' | 'request', ms: number, now: number, model: string): void {
    if (
      ms <= this.longest[what] ||
      this.disturbances.between(['freeze', 'pause', 'kill'], now - ms, now, model).length > 0
    )
      return;
    this.longest[what] = ms;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
