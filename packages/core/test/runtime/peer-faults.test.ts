// Faults seen in other model servers, which this one must not have; comments name where.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { LaminaError, type AcquireOptions, type Model } from '@lamina/core';
import { definePlugin } from '@lamina/core/plugin';
import { EngineFixture } from '../process/engine-fixture.js';
import { settled } from './manual-clock.js';
import type { Script } from './scripted-backend.js';
import { stage, type Stage } from './scripted-lamina.js';

describe('faults of other model servers', () => {
  let it_: Stage;
  const use = async (options: Parameters<typeof stage>[0] = {}) => (it_ = await stage(options));
  const acquire = (model: string, options: Partial<AcquireOptions> = {}) =>
    it_.lamina.runtime.acquire(model, { signal: it_.signal, ...options });
  const ask = async (model: string, options: Partial<AcquireOptions> = {}) =>
    (await acquire(model, options)).release({ served: true });
  const isCode = (code: string) => (error: unknown) => LaminaError.is(error) && error.code === code;
  const byHand = (script: Script) => void (script.automatic = false);
  const startsOf = (model: string) => it_.script.starts.filter((start) => start.model === model).length;

  afterEach(() => it_.close());

  // ollama#15126
  it('one worker does every start: here two models load at the same time', async () => {
    const { script } = await use({ limits: { maxLoaded: 2 }, prepare: byHand });
    const [a, b] = [ask('a'), ask('b')];
    const [first, second] = [await script.start(0), await script.start(1)];
    assert.deepEqual([first.over, second.over], [false, false]);
    second.succeed();
    await b;
    first.succeed();
    await a;
  });

  // Docker Model Runner
  it('all idle models are evicted for one: here only as many as it needs', async () => {
    await use({ models: ['a', 'b', 'c', 'd'], limits: { maxLoaded: 3 } });
    for (const model of ['a', 'b', 'c', 'd']) await ask(model);
    assert.equal(it_.script.running.length, 3);
    assert.deepEqual(
      it_.script.servers.flatMap(({ stops }) => stops),
      ['evicted'],
    );
  });

  // Docker Model Runner
  it('pinned models are evicted: here another one is, although it was used later', async () => {
    const { clock } = await use({ entries: { a: { pinned: true } }, limits: { maxLoaded: 2 } });
    await ask('a');
    await clock.advance(60_000);
    for (const model of ['b', 'c']) await ask(model);
    assert.deepEqual(it_.script.running, ['a', 'c']);
  });

  it('the model with the shortest keep-alive is evicted: here the one that was idle for longest', async () => {
    const { clock } = await use({ limits: { maxLoaded: 2 } });
    await ask('a', { keepAlive: Infinity });
    await clock.advance(60_000);
    await ask('b', { keepAlive: 5_000 });
    await clock.advance(1_000);
    await ask('c');
    assert.deepEqual(it_.script.running, ['b', 'c']);
  });

  // ollama#7758
  it('the limit of the queue does not count requests to loaded models: here it does', async () => {
    await use({ limits: { queueLimit: 1 }, prepare: (script) => (script.info = { parallel: 1 }) });
    const lease = await acquire('a');
    const waiting = ask('a');
    await assert.rejects(acquire('a'), isCode('QUEUE_FULL'));
    lease.release({ served: true });
    await waiting;
  });

  // llama-swap#612
  it('steady requests for one model starve another: here its wait is bounded', async () => {
    const { clock } = await use({ limits: { starvationTimeout: 2 } });
    let newest = await acquire('a');
    let isAnswered = false;
    const waiting = ask('b').then(() => (isAnswered = true));
    const rest: Promise<void>[] = [];
    for (let second = 0; second < 10 && !isAnswered; second++) {
      let next: typeof newest | undefined;
      const granted = acquire('a').then((lease) => (isAnswered ? lease.release() : void (next = lease)));
      await clock.advance(1_000);
      newest.release({ served: true });
      await settled();
      if (next === undefined) rest.push(granted);
      else newest = next;
    }
    await waiting;
    await Promise.all(rest);
    assert.ok(rest.length > 0);
  });

  it('a load ends with the client that caused it: with a 20 s load and a client that waits 4 s and returns every 16 s, the second try is answered', async () => {
    const { clock, script } = await use({ prepare: byHand });
    const first = new AbortController();
    const left = assert.rejects(acquire('a', { signal: first.signal }), isCode('ABORTED'));
    const { succeed } = await script.start(0);
    await clock.advance(4_000);
    first.abort();
    await left;
    await clock.advance(12_000);
    const second = new AbortController();
    const again = ask('a', { signal: second.signal });
    clock.after(4_000, succeed);
    clock.after(4_001, () => second.abort());
    await clock.advance(5_000);
    await again;
    assert.equal(startsOf('a'), 1);
  });

  it('a model is evicted before the other one is known to be startable: here it stays', async () => {
    await use({
      entries: { b: { options: { level: 'high' } } },
      limits: { memory: 100, maxLoaded: 3 },
      prepare: ({ estimates }) => {
        estimates['a'] = { hostBytes: 60, deviceBytes: {}, contextLength: 1 };
        estimates['c'] = { hostBytes: 101, deviceBytes: {}, contextLength: 1 };
      },
    });
    await ask('a');
    await assert.rejects(acquire('b'), isCode('CONFIG_INVALID'));
    await assert.rejects(acquire('c'), isCode('OUT_OF_MEMORY'));
    await assert.rejects(acquire('nope'), isCode('MODEL_NOT_FOUND'));
    assert.deepEqual(it_.script.running, ['a']);
  });

  it('a slow stop blocks the requests for other models: here they are served, and others start', async () => {
    const { lamina, script } = await use({
      limits: { maxLoaded: 3 },
      prepare: (s) => (s.automaticStops = false),
    });
    for (const model of ['a', 'b']) await ask(model);
    const stopped = lamina.runtime.stop('a');
    await ask('b');
    await ask('c');
    assert.equal(lamina.runtime.slot('a').state, 'stopping');
    script.servers[0]!.finishStop();
    await stopped;
    for (const server of script.servers) void server.finishStop();
    script.automaticStops = true;
  });

  // llama-swap#263
  it('a hidden limit refuses the eleventh request: here a thousand are answered', async () => {
    await use();
    await ask('a');
    const leases = await Promise.all(Array.from({ length: 1_000 }, () => acquire('a')));
    assert.equal(it_.lamina.runtime.slot('a').busy, 1_000);
    for (const lease of leases) lease.release({ served: true });
  });

  it('a health check without a time limit never notices an engine that hangs: here it is replaced', async () => {
    const { lamina, signal, script } = await use({ limits: { healthInterval: 0.01, idleTimeout: 0 } });
    await ask('a');
    script.servers[0]!.health = 'hangs';
    const failed = lamina.events.once('model.failed', { signal });
    const timer = setInterval(() => void it_.clock.advance(10), 5);
    assert.match((await failed).error.message, /3 health checks in a row failed/);
    clearInterval(timer);
    await ask('a');
    assert.equal(startsOf('a'), 2);
  });

  it('a stop has the time limit of a load: here each has its own', async () => {
    const { clock, lamina } = await use({
      limits: { loadTimeout: 600, stopTimeout: 1, healthInterval: 0 },
      prepare: (s) => (s.automaticStops = false),
    });
    await ask('a');
    let isStopped = false;
    const stopped = lamina.runtime.stop('a').then(() => (isStopped = true));
    await settled();
    await clock.advance(900);
    assert.equal(isStopped, false);
    await clock.advance(200);
    await stopped;
  });

  it('presets of a model load it twice: here they share its server', async () => {
    const preset: Omit<Model, 'name'> = {
      from: 'discovered',
      files: [],
      format: 'scripted',
      aliases: [],
      options: {},
      pinned: false,
      limits: {},
    };
    const presets = definePlugin({
      name: 'presets',
      setup: ({ hooks }) =>
        hooks.discoverModels.tap((discovery) => discovery.add({ ...preset, name: 'quick', of: 'a' })),
    });
    await use({ limits: { maxLoaded: 3 }, plugins: [presets()] });
    for (const model of ['a', 'quick']) await ask(model);
    assert.deepEqual(it_.script.running, ['a']);
    assert.equal(it_.script.starts.length, 1);
  });
});

describe('a fault of other model servers: they look every half second, or less often, whether an engine is ready', () => {
  const engines = new EngineFixture();
  afterEach(() => engines.close());

  it('here an engine that loads is asked many times in half a second', async () => {
    const starting = engines.start({ loading: true, printsProbes: true });
    await engines.line(/^probe$/);
    await delay(500);
    const probes = engines.lines.filter((line) => line === 'probe').length;
    await fetch(`http://127.0.0.1:${engines.ports[0]}/control/ready`);
    await starting;
    assert.ok(probes >= 5, `${probes} probes in half a second`);
  });
});
