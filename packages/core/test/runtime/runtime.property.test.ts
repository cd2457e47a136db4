// The runtime under schedules that fast-check makes up, against the sentences of invariants.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { tokens, type Lease } from '@lamina/core';
import { definePlugin } from '@lamina/core/plugin';
import { everyStartServes } from './invariants.js';
import { settled } from './manual-clock.js';
import { manifestText, Schedule, type Need } from './schedule.js';
import type { Script } from './scripted-backend.js';
import { stage } from './scripted-lamina.js';
import { SharedMemory } from './shared-memory.js';

const numRuns = Number(process.env['LAMINA_PROPERTY_RUNS'] ?? 20);
const models = ['a', 'b', 'c', 'd', 'e'];
const total = 120;
const limits = { memory: 100, deviceMemory: { GPU0: 80 }, starvationTimeout: 2, idleTimeout: 60, healthInterval: 0 };

type Step = (schedule: Schedule) => void | Promise<void>;

/** A step whose name shows in a counterexample. */
function named<T>(name: string, values: fc.Arbitrary<T>, run: (schedule: Schedule, value: T) => void | Promise<void>) {
  return values.map((value): Step => {
    const step: Step = (schedule) => run(schedule, value);
    return Object.assign(step, { [fc.toStringMethod]: () => `${name}(${JSON.stringify(value)})` });
  });
}

const model = fc.constantFrom(...models);
const index = fc.nat(50);
const nothing = fc.constant(undefined);
const edit = fc.record({ pinned: few(model), group: few(model), level: fc.nat(1) });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: named('acquire', model, (schedule, value) => schedule.acquire(value)) },
  { weight: 6, arbitrary: named('release', index, (schedule, value) => schedule.release(value)) },
  { weight: 5, arbitrary: named('succeed', nothing, (schedule) => schedule.settleStart('succeed')) },
  { weight: 3, arbitrary: named('finish stop', index, (schedule, value) => schedule.finishStop(value)) },
  {
    weight: 4,
    arbitrary: named('advance', fc.constantFrom(10, 260, 1_000, 2_500, 20_000, 70_000), (schedule, ms) =>
      schedule.advance(ms),
    ),
  },
  { weight: 1, arbitrary: named('fail', nothing, (schedule) => schedule.settleStart('fail')) },
  { weight: 1, arbitrary: named('leave', index, (schedule, value) => schedule.leave(value)) },
  { weight: 1, arbitrary: named('crash', index, (schedule, value) => schedule.crash(value)) },
  { weight: 1, arbitrary: named('start', model, (schedule, value) => schedule.start(value)) },
  { weight: 1, arbitrary: named('stop', model, (schedule, value) => schedule.stop(value)) },
  { weight: 1, arbitrary: named('edit', edit, (schedule, value) => schedule.edit(value)) },
  {
    weight: 1,
    arbitrary: named('other programs hold', fc.nat(total), (schedule, value) => schedule.takeMemory(value)),
  },
);

const need: fc.Arbitrary<Need> = fc.record({
  host: fc.integer({ min: 5, max: 110 }),
  device: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 80 })),
  asleep: fc.integer({ min: 0, max: 5 }),
});

const machine = fc.record({
  needs: fc.tuple(...models.map(() => need)),
  canSleep: fc.boolean(),
  automaticStops: fc.boolean(),
  parallel: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  maxLoaded: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
});

function few<T>(values: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.uniqueArray(values, { maxLength: 2 });
}

function estimate({ host, device, asleep }: Need): Script['estimates'][string] {
  const asleepNeed = { hostBytes: asleep, deviceBytes: { GPU0: Math.min(asleep, device) } };
  return { hostBytes: host, deviceBytes: { GPU0: device }, contextLength: 1, asleep: asleepNeed };
}

describe('the runtime under any schedule', () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'lamina-schedules-'))));
  after(() => rm(directory, { recursive: true, force: true }));

  it('keeps every sentence of invariants.ts', async function () {
    this.timeout(numRuns * 6_000);
    const manifest = join(directory, 'models.yaml');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80 }), machine, async (steps, setup) => {
        const needs = new Map(models.map((name, at) => [name, setup.needs[at]!]));
        const memory = new SharedMemory(total);
        let schedule: Schedule | undefined;
        const observer = definePlugin({
          name: 'observer',
          setup: ({ hooks }) => void hooks.selectVictims.tap((snapshot) => schedule?.onDecision(snapshot)),
        });
        const { maxLoaded } = setup;
        await writeFile(manifest, manifestText(models, { pinned: [], group: [], level: 0 }));
        const play = await stage({
          models,
          manifest,
          plugins: [observer()],
          limits: { ...limits, maxLoaded },
          configure: (container) => void container.rebind(tokens.SystemMemory).toConstantValue(memory),
          prepare: (script) => {
            script.automatic = false;
            script.automaticStops = setup.automaticStops;
            script.canSleep = setup.canSleep;
            script.info = setup.parallel === undefined ? {} : { parallel: setup.parallel };
            script.estimates = Object.fromEntries([...needs].map(([name, value]) => [name, estimate(value)]));
            script.availability = { available: true, version: '1', devices: [{ name: 'GPU0', totalBytes: 80 }] };
          },
        });
        try {
          schedule = new Schedule(needs, { starvationMs: 2_000, idleMs: 60_000 }, play, memory, manifest);
          for (const run of steps) {
            await run(schedule);
            await schedule.check();
          }
          await schedule.finish();
        } finally {
          await play.close();
        }
      }),
      { numRuns },
    );
  });

  it('lets each start serve a request, of two models that exclude each other', async () => {
    const turn = fc.oneof(
      { weight: 3, arbitrary: fc.record({ ask: fc.constantFrom('a', 'b') }) },
      { weight: 2, arbitrary: fc.constant('release' as const) },
      { weight: 2, arbitrary: fc.constant('succeed' as const) },
      { weight: 2, arbitrary: fc.constantFrom(10, 1_000, 2_500, 20_000) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 5, maxLength: 60 }), async (turns) => {
        const play = await stage({
          models: ['a', 'b'],
          limits: { idleTimeout: 0, starvationTimeout: 2 },
          prepare: (script) => (script.automatic = false),
        });
        const leases: Lease[] = [];
        const served = new Map<string, number>();
        const endings: [string, number][] = [];
        play.lamina.events.on('model.state', ({ model: name, to }) => {
          if (to === 'starting') served.set(name, 0);
          if (to === 'stopping') endings.push([name, served.get(name)!]);
        });
        const ask = async (name: string) => {
          const lease = await play.lamina.runtime.acquire(name, { signal: play.signal });
          served.set(name, served.get(name)! + 1);
          leases.push(lease);
        };
        try {
          const asked: Promise<void>[] = [];
          for (const what of turns) {
            if (what === 'release') leases.shift()?.release({ served: true });
            else if (what === 'succeed') play.script.starts.find(({ over }) => !over)?.succeed();
            else if (typeof what === 'number') await play.clock.advance(what);
            else asked.push(ask(what.ask));
            await settled();
            for (const [name, count] of endings.splice(0)) everyStartServes(name, count);
          }
          play.script.automatic = true;
          let isAnswered = false;
          const answered = Promise.all(asked).then(() => (isAnswered = true));
          while (!isAnswered) {
            play.script.starts.find(({ over }) => !over)?.succeed();
            for (const lease of leases.splice(0)) lease.release({ served: true });
            await play.clock.advance(3_000);
            for (const [name, count] of endings.splice(0)) everyStartServes(name, count);
          }
          await answered;
          for (const lease of leases) lease.release({ served: true });
        } finally {
          await play.close();
        }
      }),
      { numRuns },
    );
  }).timeout(numRuns * 6_000);
});
