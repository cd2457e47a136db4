// The fake engine follows its configured behaviour, correct and faulty.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { testFolder } from './fake-kit.js';
import { fakeModel } from './fake-model.js';
import { endEngines, post, chatWith, spawnEngine, stateOf, type SpawnedEngine } from './spawned-engine.js';

async function textOf(response: Promise<Response>): Promise<string> {
  const body = (await (await response).json()) as { choices: { message: { content: string } }[] };
  return body.choices[0]!.message.content;
}

const chat = '/v1/chat/completions';
const streamed = chatWith('hi', { stream: true });

describe('the fake engine', () => {
  const folder = testFolder();
  afterEach(endEngines);

  describe('responds', () => {
    it('to a chat with its name and numbers, as many as configured', async () => {
      const engine = await spawnEngine({ behaviour: { chunks: 3 } });
      assert.equal(await textOf(post(engine, chat, chatWith('hi'))), 'alpha: 1 2');
    });

    it('to a stream with a role, text, a finish reason, usage on request, and [DONE]', async () => {
      const engine = await spawnEngine({ behaviour: { chunks: 2 } });
      const body = await (
        await post(engine, chat, chatWith('hi', { stream: true, stream_options: { include_usage: true } }))
      ).text();
      const events = body
        .trimEnd()
        .split('\n\n')
        .map((frame) => frame.slice('data: '.length));
      assert.equal(events.pop(), '[DONE]');
      const chunks = events.map(
        (event) =>
          JSON.parse(event) as {
            choices: { delta: { content?: string }; finish_reason: string | null }[];
            usage?: { completion_tokens: number };
          },
      );
      assert.deepEqual(
        chunks.map(({ choices }) => choices[0]?.delta.content),
        [null, 'alpha:', ' 1', undefined, undefined],
      );
      assert.equal(chunks[3]!.choices[0]!.finish_reason, 'stop');
      assert.equal(chunks[4]!.usage!.completion_tokens, 2);
    });

    it('with no more chunks than max_tokens allows, and the finish reason for that', async () => {
      const engine = await spawnEngine();
      const body = (await (await post(engine, chat, chatWith('hi', { max_tokens: 2 }))).json()) as {
        choices: { finish_reason: string }[];
      };
      assert.equal(body.choices[0]!.finish_reason, 'length');
    });

    it('on every route, each in its own format', async () => {
      const engine = await spawnEngine();
      const request = async (route: string, body: object) =>
        (await (await post(engine, `/v1/${route}`, body)).json()) as Record<string, unknown>;
      assert.equal((await request('completions', { prompt: 'x' })).object, 'text_completion');
      assert.equal((await request('messages', chatWith('x'))).type, 'message');
      assert.equal((await request('responses', { input: 'x' })).status, 'completed');
      assert.equal(((await request('embeddings', { input: ['x', 'y'] })) as { data: unknown[] }).data.length, 2);
      const ranking = await request('rerank', { query: 'big cat', documents: ['a dog', 'a big cat'] });
      assert.deepEqual(
        (ranking.results as { index: number }[]).map(({ index }) => index),
        [1, 0],
      );
    });

    it('to streams of other routes without [DONE], ended by their own last event', async () => {
      const engine = await spawnEngine();
      const messages = await (await post(engine, '/v1/messages', streamed)).text();
      assert.match(messages, /event: message_stop\ndata: .*\n\n$/);
      const responses = await (await post(engine, '/v1/responses', { input: 'x', stream: true })).text();
      assert.match(responses, /event: response\.completed\ndata: .*\n\n$/);
    });

    it('only to requests with its key', async () => {
      const engine = await spawnEngine({ key: 'secret' });
      assert.equal((await post(engine, chat, chatWith('hi'))).status, 401);
      assert.equal(
        (await post(engine, chat, chatWith('hi'), { headers: { authorization: 'Bearer other' } })).status,
        401,
      );
      assert.equal(
        (await post(engine, chat, chatWith('hi'), { headers: { authorization: 'Bearer secret' } })).status,
        200,
      );
    });

    it('only for its ids, as the requested one', async () => {
      const engine = await spawnEngine({ behaviour: { ids: ['one', 'two'], chunks: 1 } });
      assert.equal((await post(engine, chat, chatWith('hi', { model: 'three' }))).status, 404);
      assert.equal(await textOf(post(engine, chat, chatWith('hi', { model: 'two' }))), 'two:');
    });

    it('with big chunks when configured', async () => {
      const engine = await spawnEngine({ behaviour: { chunks: 2, chunk_bytes: 100_000 } });
      assert.equal((await textOf(post(engine, chat, chatWith('hi')))).length, 200_000);
    });

    it('with an error in the configured format', async () => {
      const engine = await spawnEngine({ behaviour: { status: 418, errors: 'json_in_string' } });
      const response = await post(engine, chat, chatWith('hi'));
      assert.equal(response.status, 418);
      assert.equal((JSON.parse((await response.json()) as string) as { code: number }).code, 418);
    });

    it('to requests over its parallel limit one after the other', async () => {
      const engine = await spawnEngine({ behaviour: { parallel: 1 } });
      await Promise.all([1, 2, 3].map(() => textOf(post(engine, chat, chatWith('hi')))));
      assert.equal((await stateOf(engine)).most_busy, 1);
    });
  });

  describe('rejects', () => {
    for (const [what, body] of Object.entries({
      'a body that is not JSON': '{',
      'a chat without messages': {},
      'messages that are not a list': { messages: 42 },
      'max_tokens that is not a number': chatWith('hi', { max_tokens: 'many' }),
    })) {
      it(what, async () => assert.equal((await post(await spawnEngine(), chat, body)).status, 400));
    }

    it('the field user when configured', async () => {
      const engine = await spawnEngine({ behaviour: { refuse_user: true } });
      assert.equal((await post(engine, chat, chatWith('hi', { user: 'me' }))).status, 400);
      assert.equal((await post(engine, chat, chatWith('hi'))).status, 200);
    });
  });

  describe('counts', () => {
    it('the requests, and keeps the last one', async () => {
      const engine = await spawnEngine();
      await textOf(post(engine, chat, chatWith('hi'), { headers: { 'x-test': 'yes' } }));
      const state = await stateOf(engine);
      assert.deepEqual([state.requests, state.finished, state.busy], [1, 1, 0]);
      assert.deepEqual(state.last!.body, chatWith('hi'));
      assert.equal(state.last!.headers['x-test'], 'yes');
    });

    it('a disconnected client, and stops its work', async () => {
      const engine = await spawnEngine();
      const caller = new AbortController();
      const response = await post(engine, chat, chatWith('/count', { stream: true }), { signal: caller.signal });
      await response.body!.getReader().read();
      assert.equal((await stateOf(engine)).busy, 1);
      caller.abort();
      let state = await stateOf(engine);
      while (state.busy > 0) state = await stateOf(engine);
      assert.equal(state.aborted, 1);
    });
  });

  describe('during a load', () => {
    it('responds 503, as llama-server does', async () => {
      const port = await freePort();
      const loading = spawnEngine({ port, behaviour: { load_ms: 300 } });
      assert.equal(await firstStatus(port), 503);
      await loading;
      assert.equal(await firstStatus(port), 200);
    });

    it('does not listen in the other mode, as vLLM does', async () => {
      const port = await freePort();
      const loading = spawnEngine({ port, behaviour: { load_ms: 300, while_loading: 'refused' } });
      assert.equal(await firstStatus(port), 200);
      await loading;
    });

    it('fails for a file that is missing or damaged', async () => {
      const missing = await spawnEngine({ file: join(folder, 'nowhere.fake') });
      assert.equal((await missing.exit)[0], 1);
      assert.match(missing.lines.at(-1)!, /^error: failed to open /);
      const damaged = await spawnEngine({ file: fakeModel(folder, 'damaged', 'broken').files[0]!.path });
      assert.equal((await damaged.exit)[0], 1);
      assert.match(damaged.lines.at(-1)!, / is not a fake model$/);
    });

    it('exits with the configured code and output', async () => {
      const engine = await spawnEngine({ behaviour: { exit_code: 7, stderr: ['out of luck'] } });
      assert.equal((await engine.exit)[0], 7);
      assert.ok(engine.lines.includes('out of luck'));
    });

    it('fails on a port that is in use', async () => {
      const first = await spawnEngine();
      const second = await spawnEngine({ port: Number(new URL(first.url).port) });
      assert.equal((await second.exit)[0], 1);
      assert.match(second.lines.at(-1)!, /couldn't bind port/);
    });
  });

  describe('crashes', () => {
    it('before its first header', async () => {
      const engine = await spawnEngine({ behaviour: { crash: 'before_header' } });
      await assert.rejects(post(engine, chat, streamed));
      assert.equal((await engine.exit)[1], 'SIGKILL');
    });

    it('in the middle of a stream, after the configured number of chunks', async () => {
      const engine = await spawnEngine({ behaviour: { crash: 'mid_stream', crash_chunks: 3 } });
      const { text, broken } = await readAll(await post(engine, chat, streamed));
      assert.ok(broken);
      assert.equal(text.match(/"content":"/g)!.length, 3);
    });

    it('after a complete response', async () => {
      const engine = await spawnEngine({ behaviour: { crash: 'after_answer' } });
      const { text, broken } = await readAll(await post(engine, chat, streamed));
      assert.ok(!broken && text.includes('[DONE]'));
      assert.equal((await engine.exit)[1], 'SIGKILL');
    });

    it('only once when configured', async () => {
      const behaviour = { crash: 'before_header', once: join(folder, 'crashed') } as const;
      await assert.rejects(post(await spawnEngine({ behaviour }), chat, streamed));
      assert.ok(existsSync(behaviour.once));
      assert.equal((await post(await spawnEngine({ behaviour }), chat, streamed)).status, 200);
    });
  });

  describe('sends incomplete responses:', () => {
    it('a stream that is cut, while the engine keeps running', async () => {
      const engine = await spawnEngine({ behaviour: { cut_chunks: 2 } });
      assert.ok((await readAll(await post(engine, chat, streamed))).broken);
      assert.equal((await stateOf(engine)).busy, 0);
    });

    it('a response shorter than its content-length', async () => {
      const engine = await spawnEngine({ behaviour: { wrong_length: true } });
      assert.ok((await readAll(await post(engine, chat, chatWith('hi')))).broken);
    });
  });

  describe('has faulty behaviour:', () => {
    it('its health route hangs after it was ready', async () => {
      const engine = await spawnEngine({ behaviour: { hang_health: true } });
      const health = (signal?: AbortSignal) =>
        fetch(`${engine.url}/health`, { ...(signal && { signal }), headers: { connection: 'close' } });
      assert.equal((await health()).status, 200);
      await assert.rejects(health(AbortSignal.timeout(200)), { name: 'TimeoutError' });
    });

    it('it changes its behaviour at runtime', async () => {
      const engine = await spawnEngine();
      await post(engine, '/fake/behaviour', { status: 500 });
      assert.equal((await post(engine, chat, chatWith('hi'))).status, 500);
    });

    it('it waits for its clients on SIGTERM', async () => {
      const engine = await spawnEngine({ behaviour: { sigterm: 'waits' } });
      const caller = new AbortController();
      const response = await post(engine, chat, chatWith('/count', { stream: true }), { signal: caller.signal });
      await response.body!.getReader().read();
      engine.child.kill('SIGTERM');
      // Refusing new clients shows that it received the signal; it still serves the old one.
      await untilConnectionRefused(engine);
      assert.equal(engine.child.exitCode, null);
      caller.abort();
      assert.deepEqual(await engine.exit, [0, null]);
    });

    it('it ignores SIGTERM', async () => {
      const engine = await spawnEngine({ behaviour: { sigterm: 'ignored' } });
      engine.child.kill('SIGTERM');
      assert.equal((await post(engine, chat, chatWith('hi'))).status, 200);
    });
  });

  it('sleeps, rejects requests while asleep, and wakes', async () => {
    const engine = await spawnEngine();
    await post(engine, '/sleep', {});
    assert.equal((await post(engine, chat, chatWith('hi'))).status, 503);
    await post(engine, '/wake_up', {});
    assert.equal((await post(engine, chat, chatWith('hi'))).status, 200);
  });
});

async function freePort(): Promise<number> {
  const engine = await spawnEngine();
  engine.child.kill();
  await engine.exit;
  return Number(new URL(engine.url).port);
}

/** The status of /health; `undefined` when the connection is refused. */
function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const healthRequest = request({ port, host: '127.0.0.1', path: '/health', agent: false });
    healthRequest.once('response', (response) => resolve(response.resume().statusCode));
    healthRequest.once('error', () => resolve(undefined));
    healthRequest.end();
  });
}

/** The first status of /health, polled until there is one. */
async function firstStatus(port: number): Promise<number> {
  for (;;) {
    const status = await statusOf(port);
    if (status !== undefined) return status;
  }
}

async function untilConnectionRefused({ url }: SpawnedEngine): Promise<void> {
  while ((await statusOf(Number(new URL(url).port))) !== undefined);
}

async function readAll(response: Response): Promise<{ text: string; broken: boolean }> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body!) text += decoder.decode(chunk as Uint8Array, { stream: true });
    return { text, broken: false };
  } catch {
    return { text, broken: true };
  }
}
