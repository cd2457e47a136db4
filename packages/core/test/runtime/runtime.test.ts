import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaminaError, tokens, type Lease } from '@lamina/core';
import { settled } from './manual-clock.js';
import { manifestText } from './schedule.js';
import { stage, type Stage } from './scripted-lamina.js';
import { SharedMemory } from './shared-memory.js';

describe('the runtime', () => {
  let it_: Stage;
  const use = async (options: Parameters<typeof stage>[0] = {}) => (it_ = await stage(options));
  const acquire = (model: string, signal = it_.signal) => it_.lamina.runtime.acquire(model, { signal });
  const state = (model: string) => it_.lamina.runtime.slot(model).state;
  const waitsForMemory = async (model: string) => {
    while (it_.lamina.runtime.slot(model).waitReason === undefined) await settled();
  };
  const rejects = (promise: Promise<unknown>, code: string) =>
    assert.rejects(promise, (error) => LaminaError.is(error) && error.code === code);

  afterEach(() => it_.close());

  it('starts a model once for many first requests', async () => {
    const { script } = await use({ prepare: (s) => (s.automatic = false) });
    const leases = Array.from({ length: 32 }, () => acquire('a'));
    (await it_.script.start(0)).succeed();
    for (const lease of await Promise.all(leases)) lease.release({ served: true });
    assert.equal(script.starts.length, 1);
  });

  it('checks the backend once for each start', async () => {
    const { script, lamina } = await use();
    for (let turn = 1; turn <= 3; turn++) {
      const before = script.probes;
      (await acquire('a')).release();
      assert.equal(script.probes, before + 1);
      await lamina.runtime.stop('a');
    }
  });

  it('stops an idle model after the idle timeout, and not while a request is in progress', async () => {
    const { clock } = await use({ limits: { idleTimeout: 60 } });
    const lease = await acquire('a');
    await clock.advance(600_000);
    assert.equal(state('a'), 'ready');
    lease.release({ served: true });
    await clock.advance(59_000);
    assert.equal(state('a'), 'ready');
    await clock.advance(2_000);
    assert.equal(state('a'), 'stopped');
    assert.deepEqual(it_.script.servers[0]!.stops, ['idle']);
  });

  it('refuses a request that must not start a model, in every state but running', async () => {
    const { clock, script } = await use({ limits: { idleTimeout: 60 }, prepare: (s) => (s.canSleep = true) });
    const onlyRunning = () => it_.lamina.runtime.acquire('a', { signal: it_.signal, onlyRunning: true });
    await rejects(onlyRunning(), 'MODEL_NOT_RUNNING');
    script.automatic = false;
    const starting = acquire('a');
    const start = await script.start(0);
    await rejects(onlyRunning(), 'MODEL_NOT_RUNNING');
    start.succeed();
    (await starting).release();
    (await onlyRunning()).release();
    await clock.advance(61_000);
    assert.equal(state('a'), 'sleeping');
    await rejects(onlyRunning(), 'MODEL_NOT_RUNNING');
    assert.equal(script.starts.length, 1);
  });

  it('does not start a model again for a request that must not, when it ends while the request waits', async () => {
    const { script } = await use({ entries: { a: { limits: { max_concurrency: 1 } } } });
    const lease = await acquire('a');
    const waiting = rejects(
      it_.lamina.runtime.acquire('a', { signal: it_.signal, onlyRunning: true }),
      'MODEL_NOT_RUNNING',
    );
    script.servers[0]!.crash();
    await waiting;
    lease.release();
    assert.equal(script.starts.length, 1);
  });

  it('counts the idle time from the last request', async () => {
    const { clock } = await use({ limits: { idleTimeout: 60 } });
    (await acquire('a')).release();
    await clock.advance(50_000);
    (await acquire('a')).release();
    await clock.advance(50_000);
    assert.equal(state('a'), 'ready');
    await clock.advance(11_000);
    assert.equal(state('a'), 'stopped');
  });

  it('keeps a model as long as the last request says', async () => {
    const { clock, lamina, signal } = await use({ limits: { idleTimeout: 60 } });
    const ask = async (keepAlive?: number) =>
      (await lamina.runtime.acquire('a', { signal, ...(keepAlive === undefined ? {} : { keepAlive }) })).release();
    await ask(Infinity);
    assert.equal(lamina.runtime.slot('a').idleAt, undefined);
    await clock.advance(600_000);
    assert.equal(state('a'), 'ready');
    await ask(10_000);
    assert.equal(Date.parse(lamina.runtime.slot('a').idleAt!) - clock.now(), 10_000);
    await clock.advance(11_000);
    assert.equal(state('a'), 'stopped');
    await ask(10_000);
    await ask();
    await clock.advance(50_000);
    assert.equal(state('a'), 'ready');
    await clock.advance(11_000);
    assert.equal(state('a'), 'stopped');
  });

  it('stops a model at once when its last request keeps it no longer, but not under another request', async () => {
    const { lamina, signal } = await use();
    const other = await acquire('a');
    (await lamina.runtime.acquire('a', { signal, keepAlive: 0 })).release();
    await settled();
    assert.deepEqual([state('a'), lamina.runtime.slot('a').idleAt], ['ready', undefined]);
    other.release();
    await it_.until('a', 'stopped');
    assert.deepEqual(it_.script.servers[0]!.stops, ['idle']);
  });

  it('loads a model without a request, and lets it become idle like one', async () => {
    const { clock, lamina, signal, script } = await use({ limits: { idleTimeout: 60 } });
    const unload = () => lamina.runtime.load('a', { signal, keepAlive: 0, onlyRunning: true });
    await rejects(unload(), 'MODEL_NOT_RUNNING');
    const { state: loaded, idleAt } = await lamina.runtime.load('a', { signal });
    assert.deepEqual([loaded, Date.parse(idleAt!) - clock.now()], ['ready', 60_000]);
    await unload();
    await it_.until('a', 'stopped');
    assert.equal(script.starts.length, 1);
    await rejects(lamina.runtime.load('nope', { signal }), 'MODEL_NOT_FOUND');
  });

  it('knows the routes of an engine from its server, and before it runs from the type of its backend', async () => {
    const { lamina, signal } = await use({
      prepare: (s) => {
        s.endpoints = ['messages'];
        s.info = { endpoints: ['responses'] };
      },
    });
    const routes = () =>
      Promise.all(['messages', 'responses'].map((route) => lamina.runtime.hasRoute('a', route, { signal })));
    assert.deepEqual(await routes(), [true, false]);
    (await acquire('a')).release();
    assert.deepEqual(await routes(), [false, true]);
    await rejects(lamina.runtime.hasRoute('nope', 'messages', { signal }), 'MODEL_NOT_FOUND');
    await rejects(lamina.runtime.hasRoute('b', 'messages', { signal: AbortSignal.abort() }), 'ABORTED');
  });

  it('puts an idle model to sleep when its server can, and wakes it for the next request', async () => {
    const { clock, script } = await use({ limits: { idleTimeout: 60 }, prepare: (s) => (s.canSleep = true) });
    (await acquire('a')).release();
    await clock.advance(61_000);
    assert.equal(state('a'), 'sleeping');
    assert.equal(script.servers[0]!.asleep, true);
    const lease = await acquire('a');
    assert.equal(state('a'), 'ready');
    assert.equal(script.servers[0]!.asleep, false);
    assert.equal(script.starts.length, 1);
    lease.release();
  });

  it('never stops a pinned model when idle, nor evicts it', async () => {
    const { clock } = await use({ entries: { a: { pinned: true } }, limits: { idleTimeout: 60 } });
    (await acquire('a')).release();
    await clock.advance(90_000);
    assert.equal(state('a'), 'ready');
    await rejects(acquire('b'), 'OUT_OF_MEMORY');
    assert.equal(state('a'), 'ready');
  });

  it('evicts an idle model once the other is known to be startable', async () => {
    await use();
    (await acquire('a')).release();
    await rejects(acquire('nope'), 'MODEL_NOT_FOUND');
    assert.equal(state('a'), 'ready');
    const lease = await acquire('b');
    assert.deepEqual(it_.script.running, ['b']);
    assert.deepEqual(it_.script.servers[0]!.stops, ['evicted']);
    lease.release();
  });

  it('does not stop a sleeping model that an older request wants to wake', async () => {
    const { clock, script } = await use({
      limits: { memory: 100, maxLoaded: 3 },
      prepare: (s) => {
        s.canSleep = true;
        for (const [model, hostBytes] of Object.entries({ a: 5, b: 50, c: 60 }))
          s.estimates[model] = {
            hostBytes,
            deviceBytes: {},
            contextLength: 1,
            asleep: { hostBytes: 5, deviceBytes: {} },
          };
      },
    });
    (await acquire('c')).release();
    const busy = await acquire('b');
    assert.equal(state('c'), 'sleeping');
    const older = acquire('c');
    await clock.advance(3_000); // From then on memory is kept for it.
    const newer = acquire('a');
    await settled();
    assert.equal(state('c'), 'sleeping');
    busy.release();
    for (const lease of await Promise.all([older, newer])) lease.release();
    assert.equal(script.starts.filter(({ model }) => model === 'c').length, 1);
  });

  it('applies a changed group to models that run already', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lamina-groups-'));
    const manifest = join(directory, 'models.yaml');
    const write = (group: string[]) =>
      writeFile(manifest, manifestText(['a', 'b', 'c'], { pinned: [], group, level: 0 }));
    try {
      await write([]);
      await use({ manifest, limits: { maxLoaded: 3 } });
      for (const model of ['a', 'b']) (await acquire(model)).release();
      await write(['a', 'c']);
      await it_.lamina.models.reload();
      (await acquire('c')).release();
      assert.deepEqual(it_.script.running, ['b', 'c']);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('shows when a failed model may be tried again only until then', async () => {
    const { lamina, clock } = await use({ prepare: (script) => (script.automatic = false) });
    const failing = acquire('a');
    (await it_.script.start(0)).fail('no');
    await rejects(failing, 'MODEL_START_FAILED');
    const { retryAt } = lamina.runtime.slot('a');
    assert.ok(Date.parse(retryAt!) > clock.now());
    await clock.advance(Date.parse(retryAt!) - clock.now());
    assert.equal(lamina.runtime.slot('a').retryAt, undefined);
  });

  it('keeps the loaded model when the other one cannot start here', async () => {
    await use({ entries: { b: { options: { level: 'high' } } } });
    (await acquire('a')).release();
    await rejects(acquire('b'), 'CONFIG_INVALID');
    assert.deepEqual(it_.script.running, ['a']);
  });

  it('does not start a second model on memory that the first one has not taken yet', async () => {
    const memory = new SharedMemory(120);
    memory.others = 40;
    const { script } = await use({
      limits: { memory: 100, maxLoaded: 2 },
      configure: (container) => void container.rebind(tokens.SystemMemory).toConstantValue(memory),
      prepare: (s) => {
        s.automatic = false;
        for (const model of ['a', 'b']) s.estimates[model] = { hostBytes: 45, deviceBytes: {}, contextLength: 1 };
      },
    });
    const first = acquire('a');
    await script.start(0);
    const second = acquire('b');
    await settled();
    assert.equal(script.starts.length, 1);
    memory.others = 0;
    await it_.clock.advance(250);
    script.starts[0]!.succeed();
    (await script.start(1)).succeed();
    for (const lease of await Promise.all([first, second])) lease.release();
  });

  it('lets a request wait for capacity while the loaded model is busy', async () => {
    await use();
    const first = await acquire('a');
    const second = acquire('b');
    await settled();
    assert.deepEqual(it_.script.running, ['a']);
    first.release();
    const lease = await second;
    assert.deepEqual(it_.script.running, ['b']);
    lease.release();
  });

  it('serves a request that waits for capacity although the manifest changes meanwhile', async () => {
    await use();
    const busy = await acquire('a');
    const waiting = acquire('b');
    await settled();
    assert.equal(state('b'), 'queued');
    await it_.lamina.models.save('c', { path: 'c.bin', format: 'scripted', description: 'edited' });
    await settled();
    busy.release();
    await it_.until('b', 'ready');
    (await waiting).release();
  });

  it('restarts a model when the manifest changed its options while it was starting', async () => {
    const { script } = await use({ prepare: (s) => (s.automatic = false) });
    const waiting = acquire('a');
    const first = await script.start(0);
    await it_.lamina.models.save('a', { path: 'a.bin', format: 'scripted', options: { level: 2 } });
    first.succeed();
    (await script.start(1)).succeed();
    (await waiting).release();
    assert.deepEqual(
      script.starts.map(({ context }) => context.options['level']),
      [undefined, 2],
    );
  });

  it('cancels the start of a model that is removed from the manifest meanwhile', async () => {
    const { script } = await use({ prepare: (s) => (s.automatic = false) });
    const starting = it_.lamina.runtime.start('a');
    const { context } = await script.start(0);
    await it_.lamina.models.remove('a');
    await rejects(starting, 'MODEL_STOPPED');
    await it_.until('a', 'stopped');
    assert.equal(context.signal.aborted, true);
  });

  it('keeps nothing of models that were removed, whatever they did', async () => {
    const { lamina, script } = await use({ limits: { maxLoaded: 100 }, prepare: (s) => (s.automatic = false) });
    const nextStart = () => script.start(script.starts.length);
    for (let turn = 0; turn < 20; turn++) {
      const name = (what: string) => `${what}-${turn}`;
      const all = ['idle', 'busy', 'explicit', 'failed', 'starting', 'preparing'].map(name);
      for (const model of all) await lamina.models.save(model, { path: 'a.bin', format: 'scripted' });
      const loaded = async <T>(request: Promise<T>) => {
        (await nextStart()).succeed();
        return request;
      };
      (await loaded(acquire(name('idle')))).release();
      const lease = await loaded(acquire(name('busy')));
      await loaded(lamina.runtime.start(name('explicit')));
      const failing = rejects(acquire(name('failed')), 'MODEL_START_FAILED');
      (await nextStart()).fail('no');
      await failing;
      const starting = rejects(acquire(name('starting')), 'MODEL_STOPPED');
      await nextStart();
      const preparing = rejects(acquire(name('preparing')), 'MODEL_STOPPED');
      for (const model of all) await lamina.models.remove(model);
      lease.release();
      await Promise.all([starting, preparing]);
      await settled();
      assert.deepEqual(lamina.runtime.slots(), []);
      assert.equal(lamina.runtime.slot(name('failed')).error, undefined);
    }
    assert.deepEqual(lamina.runtime.memory().reserved, {});
    await lamina.models.save('failed-0', { path: 'a.bin', format: 'scripted' });
    const again = acquire('failed-0');
    (await nextStart()).succeed();
    (await again).release();
  });

  it('does not let a busy model starve another', async () => {
    const { clock } = await use({ limits: { starvationTimeout: 2 } });
    let newest = await acquire('a');
    const waiting = acquire('b');
    await settled();
    const overlap = async () => {
      const next = acquire('a');
      await settled();
      return next;
    };
    for (let turn = 0; turn < 3; turn++) {
      const next = await overlap();
      newest.release();
      newest = next;
    }
    assert.deepEqual(it_.script.running, ['a']);
    await clock.advance(2_100);
    const late = acquire('a');
    await settled();
    newest.release();
    const lease = await waiting;
    assert.deepEqual(it_.script.running, ['b']);
    lease.release();
    (await late).release();
    assert.deepEqual(it_.script.running, ['a']);
  });

  it('does not let requests that arrive while a model loads overtake one that waits for its memory', async () => {
    const { clock, script } = await use({
      limits: { starvationTimeout: 2 },
      prepare: (s) => (s.automatic = false),
    });
    const order: string[] = [];
    const ask = async (model: string, name: string) => {
      const lease = await acquire(model);
      order.push(name);
      lease.release({ served: true });
    };
    const first = [ask('a', 'first of a'), ask('b', 'first of b')];
    const { succeed } = await script.start(0);
    await clock.advance(20_000);
    const late = ask('a', 'late of a');
    await settled();
    succeed();
    (await script.start(1)).succeed();
    await Promise.all(first);
    (await script.start(2)).succeed();
    await late;
    assert.deepEqual(order, ['first of a', 'first of b', 'late of a']);
  });

  it('lets a model that made way for one request make way for the next before it serves newer ones', async () => {
    const { clock } = await use({
      models: ['a', 'b', 'c', 'd'],
      limits: { maxLoaded: 4, memory: 100, starvationTimeout: 2 },
      prepare: ({ estimates }) => {
        for (const [model, hostBytes] of Object.entries({ a: 50, b: 50, c: 50, d: 100 }))
          estimates[model] = { hostBytes, deviceBytes: {}, contextLength: 1 };
      },
    });
    const [a, b] = [await acquire('a'), await acquire('b')];
    const order: string[] = [];
    const ask = async (model: string) => {
      const lease = await acquire(model);
      order.push(model);
      lease.release({ served: true });
    };
    const waiting = [ask('c'), ask('d')];
    await waitsForMemory('c');
    await waitsForMemory('d');
    await clock.advance(5_000);
    waiting.push(ask('a'));
    await settled();
    b.release({ served: true });
    await waiting[0];
    await settled();
    a.release({ served: true });
    await Promise.all(waiting);
    assert.deepEqual(order, ['c', 'd', 'a']);
  });

  it('lets no newer requests overtake one whose model is edited while it waits', async () => {
    const { clock, lamina } = await use({ limits: { starvationTimeout: 2 } });
    const first = await acquire('a');
    const order: string[] = [];
    const ask = async (model: string) => {
      const lease = await acquire(model);
      order.push(model);
      lease.release({ served: true });
    };
    const waiting = ask('b');
    await waitsForMemory('b');
    await clock.advance(5_000);
    const late = ask('a');
    await settled();
    await lamina.models.save('b', { path: 'b.bin', format: 'scripted', description: 'edited' });
    await settled();
    first.release({ served: true });
    await Promise.all([waiting, late]);
    assert.deepEqual(order, ['b', 'a']);
  });

  it('queues requests over the capacity of a server', async () => {
    await use({ prepare: (s) => (s.info = { parallel: 2 }) });
    const [one, two] = await Promise.all([acquire('a'), acquire('a')]);
    const positions: number[] = [];
    const third = it_.lamina.runtime.acquire('a', {
      signal: it_.signal,
      onProgress: (p) => p.kind === 'queued' && positions.push(p.position),
    });
    await settled();
    assert.equal(it_.lamina.runtime.slot('a').busy, 2);
    assert.equal(it_.lamina.runtime.slot('a').waiting, 1);
    assert.deepEqual(positions, [1]);
    one.release();
    (await third).release();
    two.release();
  });

  it('refuses requests when the queue is full', async () => {
    await use({ limits: { queueLimit: 1 }, prepare: (s) => (s.automatic = false) });
    const first = acquire('a');
    await rejects(acquire('a'), 'QUEUE_FULL');
    (await it_.script.start(0)).succeed();
    (await first).release();
  });

  it('finishes a start that no request waits for, and gives it up when another model needs its memory', async () => {
    const { clock, script } = await use({ prepare: (s) => (s.automatic = false) });
    const caller = new AbortController();
    const lease = acquire('a', caller.signal);
    await settled();
    caller.abort();
    await rejects(lease, 'ABORTED');
    await clock.advance(60_000);
    assert.equal(state('a'), 'starting');
    const other = acquire('b');
    (await script.start(1)).succeed();
    (await other).release();
    assert.equal(script.starts[0]!.context.signal.aborted, true);
    assert.equal(state('a'), 'stopped');
    assert.equal(it_.events.findLast((event) => event.type === 'model.stopped')?.reason, 'abandoned');
  });

  it('serves a request with the start of one that left', async () => {
    const { clock, script } = await use({ prepare: (s) => (s.automatic = false) });
    const caller = new AbortController();
    const lease = acquire('a', caller.signal);
    await settled();
    caller.abort();
    await rejects(lease, 'ABORTED');
    await clock.advance(60_000);
    const second = acquire('a');
    script.starts[0]!.succeed();
    (await second).release();
    assert.equal(script.starts.length, 1);
  });

  it('lets an explicit start outlive its caller and the idle timeout', async () => {
    const { clock, script } = await use({ limits: { idleTimeout: 60 }, prepare: (s) => (s.automatic = false) });
    const caller = new AbortController();
    const started = it_.lamina.runtime.start('a', { signal: caller.signal });
    await settled();
    caller.abort();
    await rejects(started, 'ABORTED');
    await clock.advance(20_000);
    script.starts[0]!.succeed();
    await settled();
    await clock.advance(120_000);
    assert.equal(state('a'), 'ready');
    assert.equal((await it_.lamina.runtime.start('a')).state, 'ready');
  });

  it('waits for the end of the old process when a start follows an aborted one', async () => {
    await use({ prepare: (s) => (s.automatic = false) });
    const first = rejects(acquire('a'), 'MODEL_STOPPED');
    await settled();
    const stopped = it_.lamina.runtime.stop('a');
    await first;
    const second = acquire('a');
    await stopped;
    (await it_.script.start(1)).succeed();
    (await second).release();
  });

  it('rejects every waiting request with the reason of a failed start, then backs off for growing times', async () => {
    const { clock } = await use({ prepare: (s) => (s.automatic = false) });
    const waiting = [acquire('a'), acquire('a')];
    (await it_.script.start(0)).fail('bad weights');
    for (const lease of waiting) await assert.rejects(lease, /Model "a" failed to start: bad weights/);
    assert.equal(state('a'), 'failed');
    await assert.rejects(
      acquire('a'),
      (error) =>
        LaminaError.is(error, 'START_BACKING_OFF') &&
        error.details['retry_after'] === 1 &&
        /bad weights/.test(error.message),
    );
    await clock.advance(1_000);
    const again = acquire('a');
    (await it_.script.start(1)).fail('still bad');
    await rejects(again, 'MODEL_START_FAILED');
    await clock.advance(1_500);
    await rejects(acquire('a'), 'START_BACKING_OFF');
    await clock.advance(600);
    const third = acquire('a');
    (await it_.script.start(2)).succeed();
    (await third).release({ served: true });
    assert.equal(it_.lamina.runtime.slot('a').error, undefined);
  });

  it('resets the back-off by an explicit start', async () => {
    await use({ prepare: (s) => (s.automatic = false) });
    const failing = acquire('a');
    (await it_.script.start(0)).fail('bad');
    await rejects(failing, 'MODEL_START_FAILED');
    const started = it_.lamina.runtime.start('a');
    (await it_.script.start(1)).succeed();
    assert.equal((await started).state, 'ready');
  });

  it('ends the leases of a crashed server, and starts another one for the next request', async () => {
    const { script } = await use();
    const lease = await acquire('a');
    script.servers[0]!.crash();
    await settled();
    assert.equal(lease.signal.aborted, true);
    assert.equal((lease.signal.reason as LaminaError).code, 'MODEL_SERVER_EXITED');
    assert.equal(lease.over, true);
    assert.equal(await lease.ended, 'it crashed');
    lease.release();
    const fresh = await acquire('a');
    assert.equal(script.starts.length, 2);
    fresh.release();
  });

  it('backs off from a model that crashes repeatedly without serving a request', async () => {
    const { script } = await use();
    for (let crash = 0; crash < 2; crash++) {
      (await acquire('a')).release();
      script.servers[crash]!.crash();
      await settled();
    }
    await rejects(acquire('a'), 'START_BACKING_OFF');
  });

  it('restarts what was started explicitly after a crash', async () => {
    const { script, clock } = await use();
    await it_.lamina.runtime.start('a');
    script.servers[0]!.crash();
    await it_.until('a', 'failed');
    await clock.advance(1);
    await it_.until('a', 'ready');
    assert.equal(script.starts.length, 2);
  });

  it('drains requests in progress before a stop, refuses new ones meanwhile, and aborts them at the limit', async () => {
    const { clock, script } = await use({ limits: { drainTimeout: 30 } });
    const lease = await acquire('a');
    const stopped = it_.lamina.runtime.stop('a');
    await settled();
    assert.equal(state('a'), 'stopping');
    assert.equal(lease.signal.aborted, false);
    await clock.advance(31_000);
    assert.equal(lease.signal.aborted, true);
    assert.equal((lease.signal.reason as LaminaError).code, 'MODEL_STOPPED');
    await stopped;
    lease.release();
    assert.equal(state('a'), 'stopped');
    assert.deepEqual(script.servers[0]!.stops, ['requested']);
  });

  it('ends a drain as soon as the last request is answered', async () => {
    await use();
    const lease = await acquire('a');
    const stopped = it_.lamina.runtime.stop('a');
    await settled();
    lease.release({ served: true });
    await stopped;
    assert.equal(lease.signal.aborted, true);
  });

  it('rejects waiting requests when the model is stopped', async () => {
    await use({ prepare: (s) => (s.automatic = false) });
    const waiting = rejects(acquire('a'), 'MODEL_STOPPED');
    await settled();
    await it_.lamina.runtime.stop('a');
    await waiting;
    assert.equal(state('a'), 'stopped');
  });

  it('marks a server degraded by its health, and replaces a dead one', async () => {
    const { clock, script } = await use({ limits: { healthInterval: 15, idleTimeout: 0 } });
    (await acquire('a')).release();
    script.servers[0]!.health = 'degraded';
    await clock.advance(15_000);
    assert.equal(state('a'), 'degraded');
    (await acquire('a')).release();
    script.servers[0]!.health = 'ok';
    await clock.advance(15_000);
    assert.equal(state('a'), 'ready');
    script.servers[0]!.health = 'dead';
    await clock.advance(15_000);
    assert.equal(state('a'), 'failed');
    (await acquire('a')).release();
    assert.equal(script.starts.length, 2);
  });

  it('attaches external servers without counting them, and detaches them only at the end', async () => {
    const { clock, script } = await use({ prepare: (s) => (s.lifetime = 'external') });
    for (const model of ['a', 'b', 'c']) (await acquire(model)).release();
    await clock.advance(3_600_000);
    assert.deepEqual(script.running, ['a', 'b', 'c']);
  });

  it('ends everything when it is closed: waiting requests fail, streams are drained and then aborted', async () => {
    const { clock, script, lamina } = await use({ limits: { maxLoaded: 2, drainTimeout: 5 } });
    const lease = await acquire('a');
    script.automatic = false;
    const waiting = rejects(acquire('b'), 'SHUTTING_DOWN');
    await settled();
    const closed = lamina.close();
    await waiting;
    await clock.advance(6_000);
    assert.equal((lease.signal.reason as LaminaError).code, 'SHUTTING_DOWN');
    await closed;
    assert.deepEqual(script.running, []);
    await rejects(acquire('a'), 'SHUTTING_DOWN');
    lease.release();
    assert.equal(clock.pending, 0);
  });

  it('ends at once when the signal of the close is aborted', async () => {
    const { script, lamina } = await use();
    const lease: Lease = await acquire('a');
    const cut = new AbortController();
    const closed = lamina.close({ signal: cut.signal });
    await settled();
    cut.abort();
    await closed;
    assert.equal(lease.signal.aborted, true);
    assert.deepEqual(script.running, []);
  });
});
