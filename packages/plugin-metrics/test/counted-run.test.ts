// 500 requests through HTTP, of which 50 are cancelled and 20 fail: every place shows the same numbers, and they are right.
import assert from 'node:assert/strict';
import type { LaminaEvent } from '@lamina/core';
import { sumOf, type Exposition } from './exposition-text.js';
import { chat, startMetered, total, type MeteredServer, type SeriesView } from './metered-server.js';

type Finished = LaminaEvent<'request.finished'>;

const keys = { phone: 'key-of-the-phone', laptop: 'key-of-the-laptop' };
const concurrency = 8;
/** Of a chat `hi` to the fake engine. */
const promptTokens = 2;
const answerTokens = 5;

/** 430 that are answered, 50 whose client leaves, 10 that the engine refuses, 10 for names of no model. */
const plan = [
  ...Array.from({ length: 430 }, () => 'answered' as const),
  ...Array.from({ length: 50 }, () => 'cancelled' as const),
  ...Array.from({ length: 10 }, () => 'refused' as const),
  ...Array.from({ length: 10 }, () => 'unknown' as const),
];

describe('a counted run of 500 requests', function () {
  this.timeout(60_000);
  let server: MeteredServer;
  let exposition: Exposition;
  let series: SeriesView;
  let seriesByModel: Map<string, SeriesView>;
  /** What GET /requests has: the last 500. */
  let truth: readonly Finished[];

  before(async () => {
    server = await startMetered({
      models: { a: {}, b: {}, broken: { status: 503 } },
      server: { apiKeys: Object.entries(keys).map(([name, key]) => ({ name, key })) },
      key: keys.laptop,
    });
    let finished = 0;
    const allFinished = new Promise<void>((resolve) =>
      server.lamina.events.on('request.finished', () => {
        finished += 1;
        if (finished === plan.length) resolve();
      }),
    );
    await sendAll(server);
    await allFinished;
    exposition = await server.metrics();
    series = await server.series('window=15m');
    const models = await Promise.all(
      ['a', 'b', 'broken', 'other'].map(
        async (model) => [model, await server.series(`window=15m&model=${model}`)] as const,
      ),
    );
    seriesByModel = new Map(models);
    truth = (JSON.parse((await server.get('/requests')).text) as { finished: Finished[] }).finished;
  });
  after(() => server.close());

  it('counts each request once, by its status', () => {
    assert.equal(truth.length, 500);
    assert.equal(sumOf(exposition, 'lamina_requests_total'), 500);
    for (const [status, count] of Object.entries({ 200: 430, 499: 50, 503: 10, 404: 10 }))
      assert.equal(sumOf(exposition, 'lamina_requests_total', { status }), count);
    assert.deepEqual(
      ['requests', 'cancelled', 'failures'].map((field) => total(series, field)),
      [500, 50, 20],
    );
  });

  it('agrees with GET /requests for each model, route, status and key', () => {
    const expected = countBy(truth, ({ model, route, status, key }) => [
      seriesByModel.has(model) ? model : 'other',
      route,
      String(status),
      key!,
    ]);
    const counted = exposition.samples
      .filter(({ name }) => name === 'lamina_requests_total')
      .map(({ labels: { model, route, status, key }, value }): [string, number] => [
        [model, route, status, key].join(' '),
        value,
      ]);
    assert.deepEqual(new Map(counted.sort()), new Map([...expected].sort()));
    assert.ok(expected.size > 10, 'The run is not varied.');
  });

  it('counts the tokens of each key and model', () => {
    for (const [kind, perAnswer] of Object.entries({ prompt: promptTokens, generated: answerTokens })) {
      assert.equal(sumOf(exposition, 'lamina_tokens_total', { kind }), 430 * perAnswer);
      assert.equal(total(series, `${kind}_tokens`), 430 * perAnswer);
      for (const model of ['a', 'b']) {
        for (const key of Object.keys(keys)) {
          const answered = truth.filter((each) => each.model === model && each.key === key && each.status === 200);
          assert.ok(answered.length > 50);
          assert.equal(sumOf(exposition, 'lamina_tokens_total', { kind, model, key }), answered.length * perAnswer);
        }
      }
    }
  });

  it('shows the same sums in the series, in /metrics and in GET /requests, for each model', () => {
    for (const [model, view] of seriesByModel) {
      const own = truth.filter((each) => (seriesByModel.has(each.model) ? each.model : 'other') === model);
      assert.equal(total(view, 'requests'), own.length, model);
      const milliseconds = (seconds: number) => Math.round(seconds * 1_000);
      const rows = [
        ['requests', 'lamina_requests_total', {}, own.length],
        ['cancelled', 'lamina_requests_total', { status: '499' }, own.filter(({ status }) => status === 499).length],
        ['prompt_tokens', 'lamina_tokens_total', { kind: 'prompt' }, sum(own, 'prompt_tokens')],
        ['generated_tokens', 'lamina_tokens_total', { kind: 'generated' }, sum(own, 'completion_tokens')],
        ['ttft_count', 'lamina_ttft_seconds_count', {}, own.filter(hasFirstByte).length],
        ['loads', 'lamina_load_seconds_count', {}, model === 'other' ? 0 : 1],
      ] as const;
      for (const [field, metric, labels, expected] of rows) {
        assert.equal(total(view, field), expected, `${field} of ${model}`);
        assert.equal(sumOf(exposition, metric, { model, ...labels }), expected, `${metric} of ${model}`);
      }
      const queue = sumOf(exposition, 'lamina_queue_seconds_sum', { model });
      assert.equal(milliseconds(total(view, 'queue_seconds')), sum(own, 'queue_ms'));
      assert.equal(milliseconds(queue), sum(own, 'queue_ms'));
      const load = sumOf(exposition, 'lamina_load_seconds_sum', { model });
      assert.equal(milliseconds(total(view, 'load_seconds')), milliseconds(load));
    }
  });

  it('shows the same sums in every window, and for all models together', async () => {
    for (const window of ['5m', '15m', '1h', '6h', '24h']) {
      const all = await server.series(`window=${window}`);
      const each = await Promise.all(all.models.map((model) => server.series(`window=${window}&model=${model}`)));
      for (const field of ['requests', 'failures', 'generated_tokens', 'ttft_count', 'loads']) {
        assert.equal(total(all, field), total(series, field), `${field} in ${window}`);
        assert.equal(
          each.reduce((sum, view) => sum + total(view, field), 0),
          total(series, field),
          `${field} in ${window}`,
        );
      }
    }
  });
});

/** Sends all requests of the plan, mixed, from a few clients at a time. */
async function sendAll(server: MeteredServer): Promise<void> {
  const mixed = plan
    .map((kind, index) => ({ kind, index }))
    .sort((a, b) => ((a.index * 7919) % 500) - ((b.index * 7919) % 500));
  const client = async () => {
    for (let next = mixed.pop(); next !== undefined; next = mixed.pop()) await send(server, next.kind, next.index);
  };
  await Promise.all(Array.from({ length: concurrency }, client));
}

async function send(server: MeteredServer, kind: (typeof plan)[number], index: number): Promise<void> {
  const headers = { authorization: `Bearer ${index % 3 === 0 ? keys.phone : keys.laptop}` };
  const model = index % 2 === 0 ? 'a' : 'b';
  const stream = index % 5 < 3;
  if (kind === 'cancelled') return server.leave(model, headers);
  if (kind === 'refused') {
    assert.equal((await server.post('chat/completions', chat('broken', 'hi', { stream }), headers)).status, 503);
  } else if (kind === 'unknown') {
    assert.equal((await server.post('chat/completions', chat(`made-up-${index}`), headers)).status, 404);
  } else {
    const body = index % 7 === 0 ? { model, prompt: 'hi', stream } : chat(model, 'hi', { stream });
    const route = index % 7 === 0 ? 'completions' : 'chat/completions';
    assert.equal((await server.post(route, body, headers)).status, 200);
  }
}

function hasFirstByte({ stream, ttft_ms, error, cut }: Finished): boolean {
  return stream && ttft_ms !== undefined && (error === undefined || cut === true);
}

function sum(events: readonly Finished[], field: 'prompt_tokens' | 'completion_tokens' | 'queue_ms'): number {
  return events.reduce((all, event) => all + (event[field] ?? 0), 0);
}

function countBy(events: readonly Finished[], labels: (event: Finished) => string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of events) {
    const id = labels(event).join(' ');
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
