// Time series: buckets, windows, percentiles, samples, and what is forgotten.
import assert from 'node:assert/strict';
import type { LaminaOptions, ModelEntry, Plugin } from '@lamina/core';
import { sumOf } from './exposition-text.js';
import { chat, startMetered, total, type MeteredServer, type SeriesView } from './metered-server.js';
import { TestClock } from './test-clock.js';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Window → the length of its buckets in seconds, and how many it has. */
const windows = { '5m': [2, 150], '15m': [5, 180], '1h': [15, 240], '6h': [60, 360], '24h': [300, 288] } as const;

describe('the time series', function () {
  this.timeout(30_000);
  let clock: TestClock;
  let server: MeteredServer | undefined;
  beforeEach(() => void (clock = new TestClock()));
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  /** With this plugin, a request with the header `x-slow` takes so many milliseconds until its first byte. */
  const slow: Plugin = {
    name: 'slow',
    setup: (lamina) =>
      lamina.hooks.beforeRequest.tap(({ headers }) => {
        clock.advance(Number(headers['x-slow'] ?? 0));
        return undefined;
      }),
  };
  async function start(more: { lamina?: Partial<LaminaOptions>; entries?: Record<string, ModelEntry> } = {}) {
    server = await startMetered({
      models: { a: {}, b: {} },
      plugins: [slow],
      ...more,
      lamina: { clock, ...more.lamina },
    });
    return server;
  }
  const ask = (to: MeteredServer, model: string, slowMs = 0) =>
    to.post('chat/completions', chat(model, 'hi', { stream: true }), { 'x-slow': String(slowMs) });
  /** A request that ends at once, without an engine. */
  const fail = (to: MeteredServer, model: string) => to.get(`/v1/nothing?model=${model}`);
  const last = (view: SeriesView, field: string, back = 1) => view.series[field]!.at(-back);

  it('have five windows, with null before the start and 0 from then on', async () => {
    const { series } = await start();
    for (const [window, [seconds, count]] of Object.entries(windows)) {
      const view = await series(`window=${window}`);
      assert.equal(view.window, window);
      assert.equal(view.bucket_seconds, seconds);
      assert.equal(view.start, clock.now() / 1_000 - (count - 1) * seconds);
      for (const [field, values] of Object.entries(view.series)) {
        assert.equal(values.length, count, field);
        assert.ok(values.slice(0, -1).every((value) => value === null));
        const isUnknown = /^ttft_[pv]|memory/.test(field);
        assert.equal(values.at(-1), isUnknown ? null : 0, field);
      }
    }
    assert.equal((await series('')).window, '15m');
  });

  it('put each request into the bucket of its end, and forget it when its window is over', async () => {
    const { series } = await start();
    await ask(server!, 'a');
    clock.advance(2 * second);
    await ask(server!, 'a');
    await ask(server!, 'b');
    const view = await series('window=5m');
    assert.deepEqual([last(view, 'requests', 2), last(view, 'requests', 1)], [1, 2]);
    assert.equal(last(await series('window=5m&model=b'), 'requests'), 1);
    const ages = [4 * minute, 14 * minute, 59 * minute, 5 * hour + 59 * minute, 23 * hour + 55 * minute];
    for (const [index, age] of ages.entries()) {
      clock.advance(age - (ages[index - 1] ?? 0));
      const sums = await Promise.all(
        Object.keys(windows).map(async (window) => total(await series(`window=${window}`), 'requests')),
      );
      assert.deepEqual(
        sums,
        [0, 1, 2, 3, 4].map((window) => (window < index ? 0 : 3)),
        `after ${age} ms`,
      );
    }
    clock.advance(10 * minute);
    assert.equal(total(await series('window=24h'), 'requests'), 0);
    assert.equal(sumOf(await server!.metrics(), 'lamina_requests_total'), 3);
  });

  it('reuse a bucket without what it had a window ago', async () => {
    const { series } = await start();
    await fail(server!, 'a');
    clock.advance(5 * minute);
    await fail(server!, 'b');
    const view = await series('window=5m');
    assert.equal(last(view, 'requests'), 1);
    assert.equal(total(view, 'requests'), 1);
  });

  it('have the values of fewer than 20 times to the first byte, and percentiles of more', async () => {
    const { series } = await start();
    await ask(server!, 'a'); // Loads the model.
    clock.advance(5 * minute);
    const times = Array.from({ length: 20 }, (_, index) => (index + 1) * 100);
    for (const time of times.slice(0, -1)) await ask(server!, 'a', time);
    const few = await series('window=24h&model=a');
    assert.equal(last(few, 'ttft_count'), 19);
    assert.equal(last(few, 'ttft_p50_seconds'), null);
    const values = few.series.ttft_values_seconds.at(-1)!;
    for (const [index, value] of values.entries())
      assert.ok(Math.abs(value - times[index]! / 1_000) < 0.001, `${value} of ${times[index]} ms`);
    await ask(server!, 'a', times.at(-1));
    const many = await series('window=24h');
    assert.equal(last(many, 'ttft_count'), 20);
    assert.equal(last(many, 'ttft_values_seconds'), null);
    // As histogram_quantile estimates them: 10 of 20 are at most 1 s, the 19th is at nine tenths from 1.5 to 2 s.
    assert.equal(last(many, 'ttft_p50_seconds'), 1);
    assert.ok(Math.abs(Number(last(many, 'ttft_p95_seconds')) - 1.9) < 1e-9);
  });

  it('sample what runs and waits, and the memory of the engine', async () => {
    const { lamina, series, metrics } = await start({
      entries: { one: { path: 'model.fake', backend: 'fake', limits: { max_concurrency: 1 } } },
    });
    const first = await lamina.runtime.acquire('one', { signal: AbortSignal.timeout(10_000) });
    const waiting = new AbortController();
    const queued = lamina.runtime.acquire('one', { signal: waiting.signal }).catch(() => undefined);
    const exposition = await metrics();
    assert.equal(sumOf(exposition, 'lamina_running', { model: 'one' }), 1);
    assert.equal(sumOf(exposition, 'lamina_waiting', { model: 'one' }), 1);
    assert.ok(sumOf(exposition, 'lamina_model_memory_bytes', { model: 'one' }) > 10_000_000);
    const host = { resource: 'host' };
    const { reserved, budget } = lamina.runtime.memory();
    assert.equal(sumOf(exposition, 'lamina_model_memory_reserved_bytes', { model: 'one', ...host }), reserved['host']);
    assert.equal(sumOf(exposition, 'lamina_memory_budget_bytes'), budget['host']);
    assert.ok(sumOf(exposition, 'lamina_memory_free_bytes', host) <= budget['host']! - reserved['host']!);
    let view: SeriesView;
    do {
      clock.advance(second);
      view = await series('window=5m&model=one');
    } while (last(view, 'memory_bytes') === null);
    assert.deepEqual([last(view, 'running'), last(view, 'waiting')], [1, 1]);
    assert.ok(last(view, 'memory_bytes')! > 10_000_000);
    assert.ok(last(await series('window=5m'), 'memory_bytes')! > 10_000_000);
    waiting.abort();
    first.release();
    await queued;
    clock.advance(2 * second);
    const after = await series('window=5m&model=one');
    assert.deepEqual([last(after, 'running'), last(after, 'waiting')], [0, 0]);
  });

  it('count loads, evictions, stops and failures', async () => {
    const { lamina, series, metrics } = await start({
      lamina: { limits: { maxLoaded: 1 } },
      entries: { broken: { path: 'model.fake', backend: 'fake', options: { exit_code: 3 } } },
    });
    await ask(server!, 'a');
    // Prometheus sees no increase in a counter that begins with 1.
    const zero = (await metrics()).samples.filter(({ name, value }) => /stops|failures/.test(name) && value === 0);
    assert.ok(zero.some(({ labels }) => labels['model'] === 'a' && labels['reason'] === 'evicted'));
    assert.ok(zero.some(({ labels }) => labels['model'] === 'a' && labels['code'] === 'MODEL_START_FAILED'));
    await ask(server!, 'b');
    await lamina.runtime.stop('b');
    await ask(server!, 'broken');
    const exposition = await metrics();
    for (const [metric, labels, count] of [
      ['lamina_load_seconds_count', { model: 'a' }, 1],
      ['lamina_load_seconds_count', {}, 2],
      ['lamina_model_stops_total', { model: 'a', reason: 'evicted' }, 1],
      ['lamina_model_stops_total', { model: 'b', reason: 'requested' }, 1],
      ['lamina_model_failures_total', { model: 'broken', code: 'MODEL_START_FAILED' }, 1],
    ] as const)
      assert.equal(sumOf(exposition, metric, labels), count, `${metric} ${JSON.stringify(labels)}`);
    const view = await series('window=15m');
    assert.deepEqual(
      ['loads', 'evictions', 'load_failures'].map((field) => total(view, field)),
      [2, 1, 1],
    );
    assert.equal(total(await series('window=15m&model=a'), 'evictions'), 1);
  });

  it('keep the counts of a model that is gone for 24 hours', async () => {
    const { lamina, series, metrics } = await start();
    await fail(server!, 'a');
    await fail(server!, 'b');
    await lamina.models.remove('a');
    clock.advance(23 * hour);
    assert.deepEqual((await series('')).models, ['a', 'b']);
    assert.equal(sumOf(await metrics(), 'lamina_requests_total', { model: 'a' }), 1);
    clock.advance(2 * hour);
    assert.deepEqual((await series('')).models, ['b']);
    assert.equal(sumOf(await metrics(), 'lamina_requests_total'), 1);
    const { status, text } = await server!.get('/stats/series?model=a');
    assert.equal(status, 404);
    assert.match(text, /MODEL_NOT_FOUND/);
  });

  it('keep the 100 models that were used last, and count the others only together', async () => {
    const names = Array.from({ length: 110 }, (_, index) => `m-${index}`);
    const { series, metrics } = await start({
      entries: Object.fromEntries(names.map((name) => [name, { path: 'model.fake', backend: 'fake' }])),
    });
    for (const name of names) {
      await fail(server!, name);
      clock.advance(1);
    }
    const { models } = await series('');
    assert.deepEqual([...models].sort(), names.slice(10).sort());
    assert.equal(sumOf(await metrics(), 'lamina_requests_total'), 100);
    assert.equal(total(await series(''), 'requests'), 110);
    assert.equal(total(await series('model=m-0'), 'requests'), 0);
  });

  it('refuse a window and a model that do not exist', async () => {
    await start();
    const window = await server!.get('/stats/series?window=2h');
    assert.equal(window.status, 400);
    assert.match(window.text, /window/);
    assert.equal((await server!.get('/stats/series?model=nobody')).status, 404);
    assert.equal((await server!.get('/stats/series?model=a&model=b')).status, 400);
  });
});
