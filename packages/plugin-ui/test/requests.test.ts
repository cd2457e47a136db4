// The view of requests: how its list grows, what its filters let through, and what the time of a request went into.
import assert from 'node:assert/strict';
import type { FinishedRequest, RequestsView, StartedRequest } from '@lamina/core/protocol';
import {
  addRequests,
  endedSince,
  entriesOf,
  filterRequests,
  modelsOf,
  outcomeOf,
  type RequestFilter,
} from '../page/dist/views/requests/request-list.js';
import { partsOf } from '../page/dist/views/requests/request-parts.js';

const at = '2026-11-28T14:02:11.000Z';

function started(request: string, more: Partial<StartedRequest> = {}): StartedRequest {
  return {
    id: `s-${request}`,
    at,
    request,
    model: 'tiny',
    route: 'chat/completions',
    via: 'http',
    stream: true,
    ...more,
  };
}

function finished(request: string, more: Partial<FinishedRequest> = {}): FinishedRequest {
  return { ...started(request), status: 200, ms: 1000, ...more };
}

const view = (ended: readonly FinishedRequest[], more: Partial<RequestsView> = {}): RequestsView => ({
  running: [],
  finished: [...ended],
  complete: true,
  ...more,
});
const ids = (list: readonly StartedRequest[]): string[] => list.map(({ request }) => request);

describe('the list of requests', () => {
  it('grows by those that ended since the last reading', () => {
    const list = addRequests(view([finished('a')]), view([finished('b')], { running: [started('c')] }));
    assert.deepEqual(ids(list.finished), ['a', 'b']);
    assert.deepEqual(ids(list.running), ['c']);
  });

  it('begins anew when the server no longer has all that came after, as after a restart', () => {
    const list = addRequests(view([finished('a')]), view([finished('b')], { complete: false }));
    assert.deepEqual(ids(list.finished), ['b']);
  });

  it('keeps the last 500', () => {
    const many = Array.from({ length: 500 }, (_, index) => finished(`old ${index}`));
    const list = addRequests(view(many), view([finished('new')]));
    assert.equal(list.finished.length, 500);
    assert.deepEqual([list.finished[0]!.request, list.finished.at(-1)!.request], ['old 1', 'new']);
  });

  it('shows those that run first, and the newest of each kind first', () => {
    const list = view([finished('a'), finished('b')], { running: [started('c'), started('d')] });
    assert.deepEqual(ids(entriesOf(list)), ['d', 'c', 'b', 'a']);
  });

  it('counts those that ended while it was paused', () => {
    const before = view([finished('a')]);
    assert.equal(endedSince(before, view([finished('a')])), 0);
    assert.equal(endedSince(before, view([finished('a'), finished('b')])), 1);
    assert.equal(endedSince(before, view([finished('x'), finished('y')])), 2);
    assert.equal(endedSince(view([]), view([finished('x')])), 1);
  });
});

describe('the outcome of a request', () => {
  it('is running, answered, cancelled by its client, or failed', () => {
    const error = { message: 'It broke.', type: 'server_error', code: 'ENGINE_CRASHED' };
    assert.equal(outcomeOf(started('a')), 'running');
    assert.equal(outcomeOf(finished('a')), 'answered');
    assert.equal(outcomeOf(finished('a', { status: 499, error })), 'cancelled');
    assert.equal(outcomeOf(finished('a', { status: 503 })), 'failed');
    assert.equal(outcomeOf(finished('a', { status: 502, error, cut: true })), 'failed');
  });
});

describe('the filter of requests', () => {
  const entries = entriesOf(
    view(
      [
        finished('one', { key: 'phone', finish_reason: 'length' }),
        finished('two', { model: 'coder', status: 503, error: { message: 'Out of memory.', type: 'x', code: 'OOM' } }),
        finished('three', { model: 'draft', answered_by: 'Coder-7B' }),
      ],
      { running: [started('four', { model: 'coder' })] },
    ),
  );
  const all: RequestFilter = { model: '', status: 'all', text: '' };
  const found = (filter: Partial<RequestFilter>): string[] => ids(filterRequests(entries, { ...all, ...filter }));

  it('lets all through when it is empty', () => {
    assert.deepEqual(found({}), ['four', 'three', 'two', 'one']);
    assert.deepEqual(modelsOf(entries), ['coder', 'draft', 'tiny']);
  });

  it('is by model, by status, and by both', () => {
    assert.deepEqual(found({ model: 'coder' }), ['four', 'two']);
    assert.deepEqual(found({ status: 'running' }), ['four']);
    assert.deepEqual(found({ status: 'failed' }), ['two']);
    assert.deepEqual(found({ status: 'failed', model: 'tiny' }), []);
  });

  it('is by text: all words, whatever their case, in anything that is known of a request', () => {
    assert.deepEqual(found({ text: ' PHONE ' }), ['one']);
    assert.deepEqual(found({ text: 'memory 503' }), ['two']);
    assert.deepEqual(found({ text: 'coder-7b' }), ['three']);
    assert.deepEqual(found({ text: 'running' }), ['four']);
    assert.deepEqual(found({ text: 'phone memory' }), []);
  });
});

describe('the parts of a request', () => {
  const parts = (more: Partial<FinishedRequest>) =>
    partsOf(finished('a', more)).map(({ label, ms, ratio }) => [label, ms, ratio]);

  it('are queue, load, first token and answer, and add up to the whole', () => {
    assert.deepEqual(parts({ ms: 2000, queue_ms: 200, load_ms: 800, ttft_ms: 1500 }), [
      ['Queue', 200, 0.1],
      ['Load', 800, 0.4],
      ['First token', 500, 0.25],
      ['Answer', 500, 0.25],
    ]);
  });

  it('have no first token when the answer was not streamed', () => {
    assert.deepEqual(parts({ stream: false, ms: 1000, queue_ms: 0, load_ms: 500, ttft_ms: 990 }), [
      ['Queue', 0, 0],
      ['Load', 500, 0.5],
      ['Answer', 500, 0.5],
    ]);
  });

  it('end without an answer when there was none', () => {
    assert.deepEqual(parts({ status: 503, ms: 1000, queue_ms: 750, load_ms: 0 }), [
      ['Queue', 750, 0.75],
      ['Load', 0, 0],
      ['Until it ended', 250, 0.25],
    ]);
  });

  it('are never negative, and none while it runs', () => {
    assert.deepEqual(parts({ ms: 0, queue_ms: 0, load_ms: 0, ttft_ms: 0 }).flat().filter(Number), []);
    assert.deepEqual(partsOf(started('a')), []);
  });
});
