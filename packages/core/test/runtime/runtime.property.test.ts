import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LaminaError, type Lease } from '@lamina/core';
import { settled } from './manual-clock.js';
import { stage, type Stage } from './scripted-lamina.js';

const models = ['a', 'b', 'c', 'd'];
const modelName = fc.constantFrom(...models);
const index = fc.nat(50);

type Command =
  | { kind: 'acquire' | 'start' | 'stop'; model: string }
  | { kind: 'edit'; model: string; level: number }
  | { kind: 'leave' | 'release' | 'succeed' | 'fail' | 'crash'; index: number }
  | { kind: 'advance'; ms: number };

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('acquire' as const), model: modelName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('start' as const, 'stop' as const), model: modelName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('edit' as const), model: modelName, level: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('release' as const, 'succeed' as const), index }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('leave' as const, 'fail' as const, 'crash' as const), index }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.constantFrom(10, 1_000, 2_500, 20_000, 70_000),
    }),
  },
);

/** One run: the leases of callers, and the promises that must all settle. */
class Play {
  readonly leases: Lease[] = [];
  readonly callers: AbortController[] = [];
  readonly pending = new Set<Promise<unknown>>();
  private pendingStarts = 0;

  constructor(
    private readonly stage: Stage,
    private readonly maxLoaded: number,
  ) {}

  async run(step: Command): Promise<void> {
    const { lamina, clock, script } = this.stage;
    if (step.kind === 'acquire') this.acquire(step.model);
    else if (step.kind === 'start') this.follow(lamina.runtime.start(step.model));
    else if (step.kind === 'stop') this.follow(lamina.runtime.stop(step.model));
    else if (step.kind === 'edit')
      await lamina.models.save(step.model, {
        path: `${step.model}.bin`,
        format: 'scripted',
        options: { level: step.level },
      });
    else if (step.kind === 'leave') pick(this.callers, step.index)?.abort();
    else if (step.kind === 'release') this.release(step.index);
    else if (step.kind === 'advance') await clock.advance(step.ms);
    else if (step.kind === 'crash')
      pick(
        script.servers.filter((server) => server.running),
        step.index,
      )?.crash();
    else if (this.pendingStarts < script.starts.length) this.settleStart(step.kind);
    await settled();
    this.check();
  }

  /** Ends the run: every start succeeds, every lease is released, time advances; then no caller may be waiting. */
  async finish(): Promise<void> {
    const { clock, script } = this.stage;
    script.automatic = true;
    for (let turn = 0; this.pending.size > 0 && turn < 200; turn++) {
      while (this.pendingStarts < script.starts.length) this.settleStart('succeed');
      while (this.leases.length > 0) this.release(0);
      await clock.advance(5_000);
      this.check();
    }
    assert.equal(this.pending.size, 0, 'a caller is still waiting');
    while (this.leases.length > 0) this.release(0);
  }

  check(): void {
    const { script } = this.stage;
    assert.ok(script.running.length <= this.maxLoaded, `${script.running.join()} run, and only ${this.maxLoaded} may`);
    assert.equal(new Set(script.running).size, script.running.length, 'a model runs twice');
    for (const lease of this.leases) {
      const server = script.servers.findLast((candidate) => candidate.model === lease.target.served.name);
      if (lease.signal.aborted) continue;
      assert.ok(server?.running === true, `a lease on ${lease.target.served.name}, which does not run`);
    }
  }

  private acquire(model: string): void {
    const caller = new AbortController();
    this.callers.push(caller);
    this.follow(
      this.stage.lamina.runtime.acquire(model, { signal: caller.signal }).then((lease) => {
        assert.equal(lease.target.served.name, model);
        this.leases.push(lease);
      }),
    );
  }

  private release(at: number): void {
    const [lease] = this.leases.splice(at % Math.max(1, this.leases.length), 1);
    if (lease === undefined) return;
    const server = this.stage.script.servers.findLast((candidate) => candidate.model === lease.target.served.name);
    if (!lease.signal.aborted)
      assert.ok(!server!.stops.includes('evicted') && !server!.stops.includes('idle'), 'stopped while it was leased');
    lease.release({ served: !lease.over });
  }

  private settleStart(kind: 'succeed' | 'fail'): void {
    const start = this.stage.script.starts[this.pendingStarts++]!;
    if (start.over) return;
    if (kind === 'succeed') start.succeed();
    else start.fail('the script says so');
  }

  private follow(promise: Promise<unknown>): void {
    const settledOne = promise.then(
      () => undefined,
      (error: unknown) => assert.ok(LaminaError.is(error), String(error)),
    );
    this.pending.add(settledOne);
    void settledOne.finally(() => this.pending.delete(settledOne));
  }
}

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list.length === 0 ? undefined : list[at % list.length];
}

describe('the runtime under any schedule', () => {
  it('keeps its limits, grants leases only on running servers, and lets no request wait for ever', async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 5, maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (commands, maxLoaded) => {
          const testStage = await stage({
            models,
            limits: { maxLoaded, idleTimeout: 60, healthInterval: 0, queueTimeout: 10_000 },
            prepare: (script) => (script.automatic = false),
          });
          try {
            const play = new Play(testStage, maxLoaded);
            for (const step of commands) await play.run(step);
            await play.finish();
            await testStage.lamina.close();
            assert.deepEqual(testStage.script.running, []);
            assert.equal(testStage.clock.pending, 0, 'a timer was left behind');
          } finally {
            await testStage.close();
          }
        },
      ),
      { numRuns: Number(process.env['LAMINA_PROPERTY_RUNS'] ?? 20) },
    );
  });
});
