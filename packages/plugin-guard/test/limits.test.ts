// Limits of requests and tokens for each key: which requests are refused, with what, and what is charged.
import assert from 'node:assert/strict';
import type { Caller, Clock, LaminaEvent, PluginEvent } from '@lamina/core';
import { WebSocket } from 'undici';
import { guard } from '../dist/index.js';
import { chatChunks, messages, startStage, type Stage } from './support/engine.js';

const phone = { authorization: 'Bearer phone-key' };
const tablet = { authorization: 'Bearer tablet-key' };
const server = {
  apiKeys: [
    { key: 'phone-key', name: 'phone', scope: 'inference' as const },
    { key: 'tablet-key', name: 'tablet', scope: 'inference' as const },
    { key: 'first-key' },
    { key: 'second-key' },
  ],
};

/** The real clock, moved forward by a test. */
function movableClock(): Clock & { move(ms: number): void } {
  let moved = 0;
  return {
    now: () => performance.now() + moved,
    date: () => new Date(),
    after(ms, callback) {
      const timer = setTimeout(callback, ms).unref();
      return () => clearTimeout(timer);
    },
    move: (ms) => void (moved += ms),
  };
}

describe('limits of keys', () => {
  let stage: Stage;
  let clock: ReturnType<typeof movableClock>;
  let finished: LaminaEvent<'request.finished'>[];
  const usage = { prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 };
  const start = async (limits: NonNullable<NonNullable<Parameters<typeof guard>[0]>['limits']>) => {
    clock = movableClock();
    stage = await startStage([guard({ limits })], { server, lamina: { clock } });
    stage.reply = { body: { choices: [{ index: 0, message: { content: 'Hello' }, finish_reason: 'stop' }], usage } };
    finished = [];
    stage.lamina.events.on('request.finished', (event) => void finished.push(event));
  };
  const ask = (headers: object = phone, more: object = {}) =>
    stage.post('/v1/chat/completions', { messages, ...more }, { headers: { ...headers } });
  const statusOf = async (headers?: object, more?: object) => {
    const response = await ask(headers, more);
    await response.text();
    return response.status;
  };
  const last = () => finished.at(-1)!;
  afterEach(() => stage.close());

  it('refuse a request with 429, the seconds to wait and an event, before a model is loaded', async () => {
    await start({ phone: { requests_per_minute: 4 } });
    const events: PluginEvent[] = [];
    stage.lamina.events.on('guard.limited', (event) => void events.push(event));
    for (let count = 0; count < 4; count++) assert.equal(await statusOf(), 200);
    await stage.lamina.runtime.stop('far');
    const refused = await ask();
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '15');
    assert.deepEqual(await refused.json(), {
      error: {
        message: 'The key "phone" reached the limit of 4 requests per minute. Retry in 15 s.',
        type: 'rate_limit_error',
        code: 'RATE_LIMITED',
        details: { limit: 'requests_per_minute', retry_after: 15 },
      },
    });
    const [{ key, limit, retry_after }] = events as [PluginEvent];
    assert.deepEqual([key, limit, retry_after], ['phone', 'requests_per_minute', 15]);
    assert.equal(stage.lamina.runtime.slot('far').state, 'stopped');
  });

  it('fill up evenly, and never above their size', async () => {
    await start({ phone: { requests_per_minute: 2 } });
    const statuses = async (count: number) => {
      const all: number[] = [];
      for (let index = 0; index < count; index++) all.push(await statusOf());
      return all;
    };
    assert.deepEqual(await statuses(3), [200, 200, 429]);
    clock.move(30_000);
    assert.deepEqual(await statuses(2), [200, 429]);
    clock.move(3_600_000);
    assert.deepEqual(await statuses(3), [200, 200, 429]);
  });

  it('are those of `default` for a key without its own, a bucket each, and one for all callers without a name', async () => {
    await start({ default: { requests_per_minute: 1 }, tablet: {} });
    assert.deepEqual([await statusOf(phone), await statusOf(phone)], [200, 429]);
    assert.deepEqual([await statusOf(tablet), await statusOf(tablet)], [200, 200]);
    assert.equal(await statusOf({ authorization: 'Bearer first-key' }), 200);
    const refused = await ask({ authorization: 'Bearer second-key' });
    const { error } = (await refused.json()) as { error: { message: string } };
    assert.match(error.message, /^Callers without a named key reached the limit of 1 requests per minute\./);
  });

  it('do not hold for the process itself, and hold for a caller that it names', async () => {
    await start({ default: { requests_per_minute: 1 } });
    const chat = (caller?: Caller) =>
      stage.lamina.chat({ model: 'far', messages }, caller === undefined ? {} : { caller }).text();
    stage.reply = { chunks: chatChunks(['Hello']) };
    assert.deepEqual(await Promise.all([chat(), chat()]), ['Hello', 'Hello']);
    const caller: Caller = { name: 'app', scopes: ['inference'], via: 'http' };
    await chat(caller);
    await assert.rejects(chat(caller), { code: 'RATE_LIMITED' });
  });

  it('refuse a chat over a WebSocket with an error frame', async () => {
    await start({ phone: { requests_per_minute: 1 } });
    await statusOf();
    const url = `${stage.url.replace('http', 'ws')}/ws`;
    const socket = new WebSocket(url, { protocols: ['lamina.v1'], headers: phone });
    const request = { model: 'far', messages };
    socket.addEventListener('open', () => socket.send(JSON.stringify({ type: 'chat.start', id: 'one', request })));
    const ended = new Promise<string>((resolve) =>
      socket.addEventListener('message', ({ data }) => {
        if (/"chat.(done|error)"/.test(String(data))) resolve(String(data));
      }),
    );
    const { type, error } = JSON.parse(await ended) as { type: string; error?: { code: string; details: object } };
    socket.close();
    assert.equal(type, 'chat.error');
    assert.equal(error?.code, 'RATE_LIMITED');
    assert.deepEqual(error.details, { limit: 'requests_per_minute', retry_after: 60 });
  });

  it('charge the tokens of streams whose client does not ask for usage, and it gets none', async () => {
    await start({ phone: { tokens_per_minute: 40 } });
    stage.reply = { chunks: chatChunks(['Hello'], usage) };
    const text = await (await ask(phone, { stream: true })).text();
    assert.ok(text.includes('Hello') && !text.includes('usage'));
    assert.deepEqual(stage.seen['stream_options'], { include_usage: true });
    assert.deepEqual([last().prompt_tokens, last().completion_tokens], [30, 12]);
    const refused = await ask();
    assert.equal(refused.status, 429);
    // 2 more than 40 were used, and 1 must be left: 3 of 40 are 4.5 s.
    assert.equal(refused.headers.get('retry-after'), '5');
  });

  it('charge what request.finished says, of bodies and streams', async () => {
    await start({ phone: { tokens_per_day: 1_000 } });
    let charged = 0;
    for (const [prompt_tokens, completion_tokens] of [
      [100, 1],
      [7, 300],
      [250, 250],
      [90, 0],
    ] as const) {
      const isStream = prompt_tokens % 2 === 0;
      const counts = { prompt_tokens, completion_tokens };
      stage.reply = isStream ? { chunks: chatChunks(['a', 'b'], counts) } : { body: { choices: [], usage: counts } };
      assert.equal(await statusOf(phone, { stream: isStream }), 200);
      charged += last().prompt_tokens! + last().completion_tokens!;
    }
    assert.equal(charged, 998);
    stage.reply = { body: { choices: [], usage: { prompt_tokens: 2, completion_tokens: 0 } } };
    assert.equal(await statusOf(), 200); // 2 are left.
    const seconds = Number((await ask()).headers.get('retry-after'));
    assert.ok(seconds === 87 || seconds === 86, `${seconds} s`); // 1 of 1,000 is 86.4 s of a day, less what has passed.
  });

  it('charge a client that leaves a stream for its prompt and the chunks it got', async () => {
    await start({ phone: { tokens_per_minute: 60 } });
    stage.reply = { chunks: chatChunks(Array<string>(49).fill('a')).slice(0, -1), hold: true };
    const left = new AbortController();
    const ended = stage.lamina.events.once('request.finished', { signal: AbortSignal.timeout(10_000) });
    const content = 'x'.repeat(80);
    const body = { stream: true, messages: [{ role: 'user', content }] };
    const response = await stage.post('/v1/chat/completions', body, { headers: phone, signal: left.signal });
    let text = '';
    for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
      text += bytes;
      if (text.split('"a"').length === 50) break;
    }
    left.abort();
    const { cut, completion_tokens } = await ended;
    assert.deepEqual([cut, completion_tokens], [true, undefined]);
    const refused = await ask();
    // 80 characters are 20 tokens, 50 chunks are 50: 10 more than 60, and 1 must be left.
    assert.equal(refused.headers.get('retry-after'), '11');
  });
});
