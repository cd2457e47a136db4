// The sentences of the view of events.
import assert from 'node:assert/strict';
import { eventText } from '../page/dist/views/events/event-text.js';

const error = { code: 'MODEL_FAILED', message: 'The engine ended with code 3.', type: 'server_error' };

describe('an event in one line', () => {
  const text = (type: string, fields: object) =>
    eventText({ id: '5f3c-1', at: '2026-01-02T03:04:05.678Z', type, ...fields });

  const sentences: readonly (readonly [type: string, fields: object, text: string | RegExp])[] = [
    ['model.state', { model: 'tiny', from: 'starting', to: 'ready' }, 'tiny: starting → ready'],
    ['model.progress', { model: 'tiny', stage: 'loading', ratio: 0.624 }, 'tiny: loading 62 %'],
    ['model.progress', { model: 'tiny', stage: 'warming up' }, 'tiny: warming up'],
    [
      'model.ready',
      { model: 'tiny', backend: 'llama.cpp', load_ms: 850 },
      'tiny is ready, loaded by llama.cpp in 850 ms',
    ],
    ['model.failed', { model: 'tiny', error }, 'tiny: The engine ended with code 3.'],
    ['manifest.changed', { added: ['a', 'b'], changed: [], removed: ['c'] }, 'added: a, b · removed: c'],
    ['download.started', { model: 'tiny', source: 'url', download: '1', total: 98_400_000 }, /^tiny .* url, 98\.4 MB$/],
    ['download.progress', { model: 'tiny', download: '1', done: 5_000_000 }, 'tiny: 5 MB'],
    ['queue.position', { model: 'tiny', request: 'r', position: 2 }, 'A request for tiny is number 2 in the queue'],
    [
      'request.started',
      { model: 'tiny', route: 'chat/completions', via: 'http', key: 'laptop' },
      /with the key laptop$/,
    ],
    ['log.line', { model: 'tiny', stream: 'stderr', text: 'loaded' }, 'tiny: loaded'],
  ];

  for (const [type, fields, expected] of sentences)
    it(`says what ${type} means: ${String(expected)}`, () => {
      if (typeof expected === 'string') assert.equal(text(type, fields), expected);
      else assert.match(text(type, fields), expected);
    });

  it('says how a request ended, with what is known of it', () => {
    const request = { model: 'tiny', route: 'chat/completions', status: 200, ms: 900 };
    assert.equal(text('request.finished', request), 'tiny: chat/completions · 200 · 900 ms');
    const counted = { ...request, completion_tokens: 118, tokens_per_second: 31.2 };
    assert.equal(text('request.finished', counted), 'tiny: chat/completions · 200 · 900 ms · 118 tokens · 31 tok/s');
    assert.match(text('request.finished', { ...request, status: 502, error }), / · 502 .* · The engine ended/);
  });

  it('lists the fields of events that it does not know', () => {
    const fields = { name: 'x', ok: true, none: [], all: ['a', 1], more: { deep: 2 } };
    assert.equal(text('own.thing', fields), 'name: x · ok: true · all: a, 1 · more: {"deep":2}');
    assert.equal(text('toString', { a: 'b' }), 'a: b');
  });

  it('has no control characters', () => {
    assert.equal(text('log.line', { model: 'tiny', text: '\x1b[31mred\x1b[0m\u202e\r' }), 'tiny: red');
  });
});
