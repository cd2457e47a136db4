// The dashboard: how the series of the server become charts.
import assert from 'node:assert/strict';
import type { FinishedRequest, RequestsView } from '@lamina/core/protocol';
import { ApiError, type Api } from '../page/dist/server/api.js';
import { chartsOf, maximumOf, sentenceOf, type Chart } from '../page/dist/views/dashboard/charts.js';
import { coloursOf } from '../page/dist/views/dashboard/colours.js';
import { DashboardReader, type DashboardData } from '../page/dist/views/dashboard/dashboard-data.js';
import {
  alignedTo,
  averageOf,
  medianOf,
  rankModels,
  ratesOf,
  readSeries,
  recentOf,
  restOf,
  stack,
  type SeriesDocument,
} from '../page/dist/views/dashboard/series.js';

const none = undefined;
const start = Date.parse('2026-11-28T14:00:00Z') / 1000;
const fields = [
  ...['failures', 'generated_tokens', 'ttft_count', 'ttft_p50_seconds', 'ttft_p95_seconds', 'ttft_values_seconds'],
  ...['loads', 'load_failures', 'evictions', 'running', 'waiting', 'memory_bytes'],
];

/** A document of four buckets of 5 s; fields that are not given are zero. */
function series(given: Record<string, unknown[]> = {}, more: object = {}): SeriesDocument {
  const all = Object.fromEntries(fields.map((field) => [field, given[field] ?? [0, 0, 0, 0]]));
  const values = given['ttft_values_seconds'] ?? [none, none, none, none];
  return readSeries({
    bucket_seconds: 5,
    start,
    models: [],
    series: { ...all, ttft_values_seconds: values },
    ...more,
  });
}

function data(given: Partial<DashboardData> = {}): DashboardData {
  return { total: series(), models: new Map(), requests: [], ...given };
}

function chart(id: string, given: DashboardData, memoryBudget?: number): Chart {
  return chartsOf(given, { running: 3, waiting: 1, memoryBudget }).find((one) => one.id === id)!;
}

describe('the numbers of charts', () => {
  it('are gaps where the server knows nothing', () => {
    assert.deepEqual(series({ running: [null, 0, 2, 1] }).series.running, [none, 0, 2, 1]);
  });

  it('are rates without the last bucket, which is not over yet', () => {
    assert.deepEqual(ratesOf([none, 10, 0, 5], 5), [none, 2, 0, none]);
  });

  it('are those of the same buckets when a model was read later than the total', () => {
    const model = series({ running: [1, 2, 3, 4] }, { start: start + 5 });
    assert.deepEqual(alignedTo(series(), model, 'running'), [none, 1, 2, 3]);
  });

  it('are stacked: a part that is not known has no height, a total that is not is a gap', () => {
    assert.deepEqual(
      stack(
        [none, 6, 6],
        [
          [1, 2, none],
          [1, 4, 6],
        ],
      ),
      [
        [none, 2, 0],
        [none, 6, 6],
      ],
    );
  });

  it('have a rest, which is never negative', () => {
    assert.deepEqual(
      restOf(
        [none, 5, 1],
        [
          [1, 2, 2],
          [1, none, 0],
        ],
      ),
      [none, 3, 0],
    );
  });

  it('have averages of what is known, with weights where buckets count differently', () => {
    assert.equal(averageOf([none, 2, 4]), 3);
    assert.equal(averageOf([none, 2, 4], [9, 3, 1]), 2.5);
    assert.equal(averageOf([none, none]), none);
    assert.equal(recentOf([100, 2, 4, none], 5, 10), 3);
    assert.equal(recentOf([100, 8, none], 300, 10), 8);
    assert.equal(medianOf([5, 1, 3]), 3);
    assert.equal(medianOf([4, 1]), 2.5);
  });

  it('are of the models with the most tokens by name, then of those with the most memory', () => {
    const documents = new Map([
      ['idle', series()],
      ['large', series({ memory_bytes: [none, 9, 9, 9] })],
      ['small', series({ memory_bytes: [none, 1, 1, 1] })],
      ['busy', series({ generated_tokens: [0, 7, 0, 0] })],
    ]);
    assert.deepEqual(rankModels(documents, 2), ['busy', 'large']);
    assert.deepEqual(rankModels(documents, 5), ['busy', 'large', 'small']);
  });
});

describe('the colours of models', () => {
  it('differ from one another', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    assert.equal(new Set(coloursOf(names).values()).size, 5);
  });

  it('do not depend on the order of the models', () => {
    assert.deepEqual([...coloursOf(['tiny', 'coder'])].sort(), [...coloursOf(['coder', 'tiny'])].sort());
  });

  it('stay when another model comes, unless it has the same hash', () => {
    const alone = coloursOf(['tiny']).get('tiny');
    const others = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].filter((name) => coloursOf([name]).get(name) !== alone);
    for (const name of others) assert.equal(coloursOf([name, 'tiny']).get('tiny'), alone);
  });
});

describe('the charts', () => {
  it('are six, each with a sentence', () => {
    const charts = chartsOf(data(), { running: 0, waiting: 0, memoryBudget: none });
    assert.deepEqual(
      charts.map(({ id }) => id),
      ['tokens', 'first-token', 'running', 'speed', 'memory', 'incidents'],
    );
    assert.equal(sentenceOf(charts[0]!, '15 min'), 'Tokens out, last 15 min: 0 tok/s, 0 tok/s on average.');
  });

  it('stack the tokens of models, and of all others together', () => {
    const total = series({ generated_tokens: [none, 50, 100, 5] });
    const models = new Map([['tiny', series({ generated_tokens: [none, 50, 40, 5] })]]);
    const { series: shown, now, average, times } = chart('tokens', data({ total, models }));
    assert.deepEqual(
      shown.map(({ label, values, drawn }) => [label, values, drawn]),
      [
        ['tiny', [none, 10, 8, none], [none, 10, 8, none]],
        ['others', [none, 0, 12, none], [none, 10, 20, none]],
      ],
    );
    assert.deepEqual([now, average], ['15 tok/s', '15 tok/s on average']);
    assert.deepEqual(times, [start, start + 5, start + 10, start + 15]);
  });

  it('have no others when the models that are shown are all', () => {
    const total = series({ generated_tokens: [0, 50, 100, 5] });
    const { series: shown } = chart('tokens', data({ total, models: new Map([['tiny', total]]) }));
    assert.deepEqual(
      shown.map(({ label }) => label),
      ['tiny'],
    );
  });

  it('say what runs now, and draw what ran in the buckets that are over', () => {
    const total = series({ running: [none, 2, 4, 0], waiting: [none, 0, 1, 0] });
    const { now, average, series: shown } = chart('running', data({ total }));
    assert.deepEqual([now, average], ['3 running, 1 waiting', '3 and 0.5 on average']);
    assert.deepEqual(shown[0]!.drawn, [none, 2, 4, none]);
  });

  it('show the first tokens as percentiles, or one by one where they are few', () => {
    const total = series({
      ttft_count: [0, 2, 30, 0],
      ttft_p50_seconds: [none, none, 1, none],
      ttft_p95_seconds: [none, none, 3, none],
      ttft_values_seconds: [none, [0.2, 0.4], none, none],
    });
    const { series: shown, dots, now } = chart('first-token', data({ total }));
    assert.deepEqual(shown[0]!.values, [none, none, 1, none]);
    assert.deepEqual(
      dots.map(({ at, value }) => [at, value]),
      [
        [start + 7.5, 0.2],
        [start + 7.5, 0.4],
      ],
    );
    assert.equal(now, '1 s');
  });

  it('show the speeds of the requests in the window, without answers of a few tokens', () => {
    const request = (seconds: number, more: Partial<FinishedRequest> = {}): FinishedRequest => ({
      id: `id ${seconds}`,
      at: new Date(1000 * (start + seconds)).toISOString(),
      request: 'a',
      model: 'tiny',
      route: 'chat/completions',
      via: 'http',
      stream: true,
      status: 200,
      ms: 1000,
      completion_tokens: 100,
      tokens_per_second: 30,
      ...more,
    });
    const requests = [
      request(-1),
      request(1),
      request(2, { tokens_per_second: 900, completion_tokens: 2 }),
      request(3, { tokens_per_second: 50, model: 'coder' }),
      { ...request(4), tokens_per_second: none },
    ] as FinishedRequest[];
    const { dots, now, average } = chart('speed', data({ requests }));
    assert.deepEqual(
      dots.map(({ at, value, label }) => [at - start, value, label]),
      [
        [1, 30, 'tiny'],
        [3, 50, 'coder'],
      ],
    );
    assert.deepEqual([now, average], ['50 tok/s', '40 tok/s on average']);
  });

  it('draw the limit of the memory unless what is used were hard to see below it', () => {
    const total = series({ memory_bytes: [none, 1e9, 2e9, 2e9] });
    assert.equal(maximumOf(chart('memory', data({ total }), 10e9)), 1.08 * 10e9);
    assert.equal(maximumOf(chart('memory', data({ total }), 100e9)), 1.08 * 2e9);
    assert.equal(maximumOf(chart('memory', data(), 100e9)), 1);
  });

  it('count loads, evictions and failures of the window', () => {
    const total = series({ loads: [none, 1, 2, 0], evictions: [none, 0, 1, 0], failures: [none, 0, 0, 4] });
    const { now, average, series: shown } = chart('incidents', data({ total }));
    assert.deepEqual([now, average], ['3 loads, 1 eviction', '0 models and 4 requests failed']);
    assert.deepEqual(shown.at(-1)!.drawn, [none, 1, 3, 4]);
  });
});

describe('the reader of the dashboard', () => {
  /** A server with the series of some models. */
  function server(models: Record<string, SeriesDocument>): { readonly api: Api; readonly asked: string[] } {
    const asked: string[] = [];
    const request = (path: string): Promise<unknown> => {
      asked.push(path);
      if (path.startsWith('requests')) {
        const view: RequestsView = { running: [], finished: [], complete: true };
        return Promise.resolve(view);
      }
      const model = new URLSearchParams(path.split('?')[1]).get('model');
      return Promise.resolve(model === null ? series({}, { models: Object.keys(models) }) : models[model]);
    };
    return { api: { request } as unknown as Api, asked };
  }
  const { signal } = new AbortController();
  const tokens = (count: number): SeriesDocument => series({ generated_tokens: [0, count, 0, 0] });

  it('reads all models once, and then only those that are shown', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const { api, asked } = server(Object.fromEntries(names.map((name, index) => [name, tokens(index)])));
    const reader = new DashboardReader(api, '5m', '');
    const read = await reader.read(signal);
    assert.deepEqual([...read!.models.keys()], ['g', 'f', 'e', 'd', 'c']);
    assert.equal(asked.length, 1 + 7 + 1);
    asked.length = 0;
    await reader.read(signal);
    assert.deepEqual(asked.sort(), [
      'requests',
      'stats/series?window=5m',
      ...['c', 'd', 'e', 'f', 'g'].map((name) => `stats/series?window=5m&model=${name}`),
    ]);
  });

  it('reads one model when that is chosen', async () => {
    const { api, asked } = server({ tiny: tokens(1), other: tokens(2) });
    const read = await new DashboardReader(api, '1h', 'tiny').read(signal);
    assert.deepEqual([...read!.models.keys()], ['tiny']);
    assert.deepEqual(asked, ['stats/series?window=1h&model=tiny', 'requests']);
  });

  it('says when the server has no time series, and fails with all other errors', async () => {
    const failing = (code: string): Api =>
      ({ request: () => Promise.reject(new ApiError('No.', code, 404)) }) as unknown as Api;
    assert.equal(await new DashboardReader(failing('ROUTE_NOT_FOUND'), '5m', '').read(signal), undefined);
    await assert.rejects(new DashboardReader(failing('MODEL_NOT_FOUND'), '5m', 'x').read(signal), /No\./);
  });
});
