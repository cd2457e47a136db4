// The events of requests: one `request.started` and one `request.finished` for each that was read, with its numbers.
import assert from 'node:assert/strict';
import {
  LaminaError,
  type Caller,
  type IncomingRequest,
  type Lamina,
  type LaminaEvent,
  type Logger,
} from '@lamina/core';
import type { Plugin } from '@lamina/core/plugin';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import { settled } from '../runtime/manual-clock.js';
import { stage, type Stage } from '../runtime/scripted-lamina.js';

type Finished = LaminaEvent<'request.finished'>;
const phone: Caller = { name: 'phone', scopes: ['inference'], via: 'http', address: '127.0.0.1' };
const done = { status: 200, served: true };

function requestFor(model: string, more: object = {}): IncomingRequest {
  const body = Buffer.from(JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...more }));
  return { id: 'one', route: 'chat/completions', model, headers: {}, caller: phone, body };
}

/** The events of requests from now on. */
function requestEvents(lamina: Pick<Lamina, 'events'>): (LaminaEvent<'request.started'> | Finished)[] {
  const events: (LaminaEvent<'request.started'> | Finished)[] = [];
  lamina.events.on('request.started', (event) => void events.push(event));
  lamina.events.on('request.finished', (event) => void events.push(event));
  return events;
}

describe('the events of a request', () => {
  let staged: Stage;
  const open = (model: string, more: object = {}, signal = staged.signal) =>
    staged.lamina.inference.open(requestFor(model, more), { signal });
  afterEach(() => staged.close());

  it('name the caller, the route and the model, and say whether a stream was asked for', async () => {
    staged = await stage();
    const events = requestEvents(staged.lamina);
    const handle = await open('a', { stream: true });
    const about = { request: 'one', model: 'a', route: 'chat/completions', via: 'http', key: 'phone', stream: true };
    assert.equal(events.length, 1);
    const { id: _i, at: _a, ...started } = events[0]!;
    assert.deepEqual(started, { type: 'request.started', ...about });
    handle.finish(done);
    handle.finish({ status: 500, served: false });
    assert.equal(events.length, 2);
    const { id: _id, at: _at, ...finished } = events[1]!;
    assert.deepEqual(finished, {
      type: 'request.finished',
      ...about,
      status: 200,
      ms: 0,
      queue_ms: 0,
      load_ms: 0,
    });
  });

  it('become a line of the log that names the key and has the numbers as fields', async () => {
    const lines: [object, string][] = [];
    const ignore = () => undefined;
    const info = (data: object, message: string) => void lines.push([data, message]);
    const log: Logger = { debug: ignore, info, warn: ignore, error: ignore, child: () => log };
    staged = await stage({ log });
    (await open('a')).finish({ ...done, usage: { prompt_tokens: 3, completion_tokens: 4 } });
    const [data, message] = lines.at(-1)!;
    assert.equal(message, 'Request one of key "phone" chat/completions "a": 200 in 0 ms, 4 tokens');
    const { event, key, status, prompt_tokens, completion_tokens, queue_ms } = data as Record<string, unknown>;
    assert.deepEqual(
      [event, key, status, prompt_tokens, completion_tokens, queue_ms],
      ['request.finished', 'phone', 200, 3, 4, 0],
    );
  });

  it('come once for each request that ends before it has a model server', async () => {
    const guard: Plugin = {
      name: 'guard',
      setup: ({ hooks }) =>
        hooks.beforeRequest.tap(({ json }) => {
          if (json?.['refused'] === true) throw new LaminaError('RATE_LIMITED', { message: 'Enough.', retry_after: 1 });
          return undefined;
        }),
    };
    staged = await stage({
      limits: { queueTimeout: 30 },
      entries: { a: { limits: { max_concurrency: 1 } } },
      plugins: [guard],
    });
    const holder = await open('a');
    const endings: [string, (aborter: AbortController) => Promise<unknown>][] = [
      ['MODEL_NOT_FOUND', () => open('nowhere')],
      ['RATE_LIMITED', () => open('a', { refused: true })],
      ['QUEUE_TIMEOUT', (aborter) => whileWaiting(open('a', {}, aborter.signal), () => staged.clock.advance(31_000))],
      ['ABORTED', (aborter) => whileWaiting(open('a', {}, aborter.signal), () => aborter.abort())],
      ['SHUTTING_DOWN', (aborter) => whileWaiting(open('a', {}, aborter.signal), () => void staged.lamina.close())],
    ];
    for (const [code, run] of endings) {
      const events = requestEvents(staged.lamina);
      await assert.rejects(run(new AbortController()), (error) => LaminaError.is(error, code as 'INTERNAL'));
      const seen = events.map((event) => [event.type, 'error' in event ? event.error?.code : undefined]);
      assert.deepEqual(seen, [
        ['request.started', undefined],
        ['request.finished', code],
      ]);
      if (code === 'QUEUE_TIMEOUT') assert.equal((events[1] as Finished).queue_ms, 30_000);
    }
    holder.finish(done);
  });

  it('tell the time in the queue from the time the model took to load', async () => {
    staged = await stage({
      entries: { a: { limits: { max_concurrency: 1 } } },
      prepare: (script) => (script.automatic = false),
    });
    const { clock, lamina, script } = staged;
    const finished: Finished[] = [];
    lamina.events.on('request.finished', (event) => void finished.push(event));
    const first = open('a');
    const start = await script.start(0);
    await clock.advance(1_000);
    const second = open('a');
    await settled();
    await clock.advance(2_000);
    start.succeed();
    const handle = await first;
    await clock.advance(4_000);
    handle.finish(done);
    (await second).finish(done);
    const times = finished.map(({ queue_ms, load_ms, ms }) => ({ queue_ms, load_ms, ms }));
    assert.deepEqual(times, [
      { queue_ms: 0, load_ms: 3_000, ms: 7_000 },
      { queue_ms: 4_000, load_ms: 2_000, ms: 6_000 },
    ]);
  });

  async function whileWaiting<T>(opening: Promise<T>, act: () => unknown): Promise<T> {
    await settled();
    await Promise.all([opening, act()]);
    return opening;
  }
});

describe('the numbers of request.finished', () => {
  const told: Finished[] = [];
  const listener: Plugin = {
    name: 'listener',
    setup(lamina) {
      lamina.events.on('request.finished', (event) => void told.push(event));
      lamina.onClose(() => void told.push({ type: 'closed' } as never));
    },
  };
  const sink = {
    headersSent: false,
    writableEnded: false,
    writeHead: () => (sink.headersSent = true),
    flushHeaders: () => undefined,
    write: () => true,
    once: () => undefined,
    end: () => undefined,
  };
  const start = (behaviour: object = {}) =>
    createTestLamina({
      files: { 'model.fake': 'a fake model' },
      plugins: [fakePlugin(), listener],
      manifest: { models: { tiny: { path: 'model.fake', backend: 'fake', options: behaviour } } },
    });
  beforeEach(() => void told.splice(0));

  it('are those of the answer: tokens, finish reason, time to the first byte', async () => {
    const lamina = await start({ chunk_ms: 2 });
    const signal = AbortSignal.timeout(30_000);
    try {
      await lamina.inference.forward(requestFor('tiny'), sink, { signal });
      const streamed = requestFor('tiny', { stream: true, stream_options: { include_usage: true } });
      await lamina.inference.forwardEvents(streamed, { write: () => true, once: () => undefined }, { signal });
      await lamina.inference.forward({ ...requestFor('tiny'), route: 'messages' }, sink, { signal });
      const numbers = told.map(({ prompt_tokens, completion_tokens, finish_reason }) => ({
        prompt_tokens,
        completion_tokens,
        finish_reason,
      }));
      assert.equal(numbers.length, 3);
      for (const each of numbers.slice(0, 2)) {
        assert.ok(each.prompt_tokens! > 0 && each.completion_tokens! > 0, JSON.stringify(each));
        assert.equal(each.finish_reason, 'stop');
      }
      assert.ok(numbers[2]!.prompt_tokens! > 0 && numbers[2]!.finish_reason === 'end_turn', JSON.stringify(numbers[2]));
      for (const { ttft_ms, ms, load_ms, tokens_per_second } of told)
        assert.ok(ttft_ms! <= ms && load_ms! <= ms && tokens_per_second! > 0);
      assert.ok(told[0]!.load_ms! > 0 && told[1]!.load_ms === 0);
    } finally {
      await lamina.close();
    }
  });

  it('reach plugins before they are closed, also those of a request that the close cuts', async () => {
    const lamina = await start({ chunks: 100_000, chunk_ms: 1 });
    const { signal } = new AbortController();
    const first = new Promise<void>((resolve) => (sink.write = () => (resolve(), true)));
    const forwarding = lamina.inference.forward(requestFor('tiny', { stream: true }), sink, { signal });
    const handle = await lamina.inference.open(requestFor('tiny'), { signal });
    await first;
    await lamina.close({ signal: AbortSignal.abort() });
    assert.equal((await forwarding).kind, 'cut');
    handle.finish(done);
    const seen = told.map((event) => [event.type, event.error?.code, event.cut]);
    assert.deepEqual(seen, [
      ['request.finished', 'SHUTTING_DOWN', true],
      ['request.finished', 'SHUTTING_DOWN', undefined],
      ['closed', undefined, undefined],
    ]);
  });
});
