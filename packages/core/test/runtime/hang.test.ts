// A model server that hangs is ended; one that only computes for a long time is not.
import assert from 'node:assert/strict';
import { LaminaError, type LaminaEvent } from '@lamina/core';
import { settled } from './manual-clock.js';
import { stage, type Stage } from './scripted-lamina.js';

const interval = 15_000;

describe('a model server that hangs', () => {
  let it_: Stage;
  const use = async (options: Parameters<typeof stage>[0] = {}) =>
    (it_ = await stage({ limits: { healthInterval: interval / 1000, idleTimeout: 0 }, ...options }));
  const acquire = (model = 'a') => it_.lamina.runtime.acquire(model, { signal: it_.signal });
  const slot = (model = 'a') => it_.lamina.runtime.slot(model);
  const codeOf = (reason: unknown) => (LaminaError.is(reason) ? reason.code : reason);

  afterEach(() => it_.close());

  it('is ended at the third failed check in a row; its requests fail, and the next one starts another server at once', async () => {
    const { clock, script, events } = await use();
    const lease = await acquire();
    script.servers[0]!.health = 'fails';
    await clock.advance(2 * interval);
    assert.equal(slot().state, 'degraded');
    assert.equal(lease.signal.aborted, false);
    await clock.advance(interval);
    assert.equal(codeOf(lease.signal.reason), 'MODEL_SERVER_EXITED');
    assert.match((lease.signal.reason as Error).message, /"a".*3 health checks in a row failed \(no answer\)/);
    lease.release();
    assert.deepEqual(script.servers[0]!.stops, ['unhealthy']);
    const failed = events.find((event): event is LaminaEvent<'model.failed'> => event.type === 'model.failed');
    assert.equal(failed?.error.code, 'MODEL_SERVER_EXITED');
    (await acquire()).release({ served: true });
    assert.equal(slot().state, 'ready');
    assert.equal(script.starts.length, 2);
  });

  it('counts as crashed: the first time without a delay, the second in a row with one', async () => {
    const { clock, script } = await use();
    for (let turn = 0; turn < 2; turn++) {
      (await acquire()).release();
      script.servers[turn]!.health = 'fails';
      await clock.advance(3 * interval);
      assert.equal(slot().state, 'failed');
    }
    await assert.rejects(acquire(), (error) => codeOf(error) === 'START_BACKING_OFF');
  });

  it('is not ended while bytes of a response arrive', async () => {
    const { clock, script } = await use();
    const lease = await acquire();
    script.servers[0]!.health = 'fails';
    for (let turn = 0; turn < 10; turn++) {
      lease.touch();
      await clock.advance(interval);
    }
    assert.equal(lease.signal.aborted, false);
    await clock.advance(3 * interval);
    assert.equal(lease.signal.aborted, true);
    lease.release();
  });

  it('is not ended while it responds to checks, even as degraded', async () => {
    const { clock, script } = await use();
    const lease = await acquire();
    for (let turn = 0; turn < 10; turn++) {
      script.servers[0]!.health = turn % 3 === 2 ? 'degraded' : 'fails';
      await clock.advance(interval);
    }
    assert.equal(lease.signal.aborted, false);
    assert.equal(slot().state, 'degraded');
    lease.release();
  });

  it('is ended even if the manifest changed and its last request is in progress', async () => {
    const { clock, script, lamina } = await use();
    const lease = await acquire();
    await lamina.models.save('a', { path: 'a.bin', format: 'scripted', options: { level: 1 } });
    script.servers[0]!.health = 'fails';
    await clock.advance(3 * interval);
    assert.equal(lease.signal.aborted, true);
    lease.release();
  });

  it('restarts when it was started explicitly', async () => {
    const { clock, script, lamina } = await use();
    await lamina.runtime.start('a');
    script.servers[0]!.health = 'fails';
    await clock.advance(3 * interval);
    await it_.until('a', 'ready');
    assert.equal(script.starts.length, 2);
  });

  it('is detached when it is external: its requests fail, and the next one attaches it again', async () => {
    const { clock, script } = await use({ prepare: (s) => (s.lifetime = 'external') });
    const lease = await acquire();
    script.servers[0]!.health = 'fails';
    await clock.advance(3 * interval);
    assert.equal(codeOf(lease.signal.reason), 'MODEL_SERVER_UNREACHABLE');
    assert.equal(slot().state, 'failed');
    lease.release();
    (await acquire()).release();
    assert.equal(script.starts.length, 2);
  });

  for (const what of ['sleep', 'wake'] as const) {
    it(`in ${what} is ended after the load timeout, and the waiting request gets another server`, async () => {
      const { clock, script } = await use({
        limits: { idleTimeout: 60, loadTimeout: 0.02, healthInterval: 0 },
        prepare: (s) => (s.canSleep = true),
      });
      script.hangs = what;
      (await acquire()).release({ served: true });
      await clock.advance(60_000);
      assert.equal(slot().state, 'sleeping');
      (await acquire()).release();
      assert.deepEqual(script.servers[0]!.stops, ['unhealthy']);
      assert.equal(script.starts.length, 2);
    });
  }

  it('in stop is abandoned some time after it should have been killed', async function () {
    this.timeout(30_000);
    const { script, lamina } = await use({ limits: { stopTimeout: 0 } });
    (await acquire()).release({ served: true });
    script.hangs = 'stop';
    await lamina.runtime.stop('a');
    assert.equal(slot().state, 'stopped');
    script.hangs = undefined;
    await settled();
  });
});
