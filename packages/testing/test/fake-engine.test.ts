// The fake engine does what it is told, well and badly.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fakeModel, testFolder } from './fake-kit.js';
import { endEngines, post, saying, spawnEngine, stateOf, type SpawnedEngine } from './spawned-engine.js';

async function textOf(response: Promise<Response>): Promise<string> {
  const body = (await (await response).json()) as { choices: { message: { content: string } }[] };
  return body.choices[0]!.message.content;
}

const chat = '/v1/chat/completions';
const streamed = saying('hi', { stream: true });

describe('the fake engine', () => {
  const folder = testFolder();
  afterEach(endEngines);

  describe('answers', () => {
    it('a chat with its name and numbers, as many as it is told', async () => {
      const engine = await spawnEngine({ behaviour: { chunks: 3 } });
      assert.equal(await textOf(post(engine, chat, saying('hi'))), 'alpha: 1 2');
    });

    it('a stream with a role, text, a finish reason, usage when asked, and [DONE]', async () => {
      const engine = await spawnEngine({ behaviour: { chunks: 2 } });
      const body = await (
        await post(engine, chat, saying('hi', { stream: true, stream_options: { include_usage: true } }))
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

    it('no more chunks than max_tokens allows, and says so', async () => {
      const engine = await spawnEngine();
      const body = (await (await post(engine, chat, saying('hi', { max_tokens: 2 }))).json()) as {
        choices: { finish_reason: string }[];
      };
      assert.equal(body.choices[0]!.finish_reason, 'length');
    });

    it('on every route, each in its own shape', async () => {
      const engine = await spawnEngine();
      const ask = async (route: string, body: object) =>
        (await (await post(engine, `/v1/${route}`, body)).json()) as Record<string, unknown>;
      assert.equal((await ask('completions', { prompt: 'x' })).object, 'text_completion');
      assert.equal((await ask('messages', saying('x'))).type, 'message');
      assert.equal((await ask('responses', { input: 'x' })).status, 'completed');
      assert.equal(((await ask('embeddings', { input: ['x', 'y'] })) as { data: unknown[] }).data.length, 2);
      const ranking = await ask('rerank', { query: 'big cat', documents: ['a dog', 'a big cat'] });
      assert.deepEqual(
        (ranking.results as { index: number }[]).map(({ index }) => index),
        [1, 0],
      );
    });

    it('streams of other routes without [DONE], ended by their own last event', async () => {
      const engine = await spawnEngine();
      const messages = await (await post(engine, '/v1/messages', streamed)).text();
      assert.match(messages, /event: message_stop\ndata: .*\n\n$/);
      const responses = await (await post(engine, '/v1/responses', { input: 'x', stream: true })).text();
      assert.match(responses, /event: response\.completed\ndata: .*\n\n$/);
    });

    it('only to its key', async () => {
      const engine = await spawnEngine({ key: 'secret' });
      assert.equal((await post(engine, chat, saying('hi'))).status, 401);
      assert.equal(
        (await post(engine, chat, saying('hi'), { headers: { authorization: 'Bearer other' } })).status,
        401,
      );
      assert.equal(
        (await post(engine, chat, saying('hi'), { headers: { authorization: 'Bearer secret' } })).status,
        200,
      );
    });

    it('only for its ids, as the one that was asked', async () => {
      const engine = await spawnEngine({ behaviour: { ids: ['one', 'two'], chunks: 1 } });
      assert.equal((await post(engine, chat, saying('hi', { model: 'three' }))).status, 404);
      assert.equal(await textOf(post(engine, chat, saying('hi', { model: 'two' }))), 'two:');
    });

    it('big chunks when told to', async () => {
      const engine = await spawnEngine({ behaviour: { chunks: 2, chunk_bytes: 100_000 } });
      assert.equal((await textOf(post(engine, chat, saying('hi')))).length, 200_000);
    });

    it('with an error in the shape it is told', async () => {
      const engine = await spawnEngine({ behaviour: { status: 418, errors: 'json_in_string' } });
      const response = await post(engine, chat, saying('hi'));
      assert.equal(response.status, 418);
      assert.equal((JSON.parse((await response.json()) as string) as { code: number }).code, 418);
    });

    it('requests over its parallel limit one after the other', async () => {
      const engine = await spawnEngine({ behaviour: { parallel: 1 } });
      await Promise.all([1, 2, 3].map(() => textOf(post(engine, chat, saying('hi')))));
      assert.equal((await stateOf(engine)).most_busy, 1);
    });
  });

  describe('refuses', () => {
    for (const [what, body] of Object.entries({
      'a body that is not JSON': '{',
      'a chat without messages': {},
      'messages that are no list': { messages: 42 },
      'max_tokens that is no number': saying('hi', { max_tokens: 'many' }),
    })) {
      it(what, async () => assert.equal((await post(await spawnEngine(), chat, body)).status, 400));
    }

    it('the field user when told to', async () => {
      const engine = await spawnEngine({ behaviour: { refuse_user: true } });
      assert.equal((await post(engine, chat, saying('hi', { user: 'me' }))).status, 400);
      assert.equal((await post(engine, chat, saying('hi'))).status, 200);
    });
  });

  describe('remembers', () => {
    it('the last request and how many there were', async () => {
      const engine = await spawnEngine();
      await textOf(post(engine, chat, saying('hi'), { headers: { 'x-test': 'yes' } }));
      const state = await stateOf(engine);
      assert.deepEqual([state.requests, state.finished, state.busy], [1, 1, 0]);
      assert.deepEqual(state.last!.body, saying('hi'));
      assert.equal(state.last!.headers['x-test'], 'yes');
    });

    it('a client that left, and stops its work', async () => {
      const engine = await spawnEngine();
      const leave = new AbortController();
      const response = await post(engine, chat, saying('/count', { stream: true }), { signal: leave.signal });
      await response.body!.getReader().read();
      assert.equal((await stateOf(engine)).busy, 1);
      leave.abort();
      let state = await stateOf(engine);
      while (state.busy > 0) state = await stateOf(engine);
      assert.equal(state.aborted, 1);
    });
  });

  describe('loads', () => {
    it('and answers 503 meanwhile, as llama-server', async () => {
      const port = await freePort();
      const loading = spawnEngine({ port, behaviour: { load_ms: 300 } });
      assert.equal(await firstStatus(port), 503);
      await loading;
      assert.equal(await firstStatus(port), 200);
    });

    it('or does not listen meanwhile, as vLLM', async () => {
      const port = await freePort();
      const loading = spawnEngine({ port, behaviour: { load_ms: 300, while_loading: 'refused' } });
      assert.equal(await firstStatus(port), 200);
      await loading;
    });

    it('nothing from a file that is not there, or is damaged', async () => {
      const missing = await spawnEngine({ file: join(folder, 'nowhere.fake') });
      assert.equal((await missing.exit)[0], 1);
      assert.match(missing.lines.at(-1)!, /^error: failed to open /);
      const damaged = await spawnEngine({ file: fakeModel(folder, 'damaged', 'broken').files[0]!.path });
      assert.equal((await damaged.exit)[0], 1);
      assert.match(damaged.lines.at(-1)!, / is not a fake model$/);
    });

    it('or ends with the code and the lines it is told', async () => {
      const engine = await spawnEngine({ behaviour: { exit_code: 7, stderr: ['out of luck'] } });
      assert.equal((await engine.exit)[0], 7);
      assert.ok(engine.lines.includes('out of luck'));
    });

    it('not on a port that is taken', async () => {
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

    it('in the middle of a stream, after the chunks it is told', async () => {
      const engine = await spawnEngine({ behaviour: { crash: 'mid_stream', crash_chunks: 3 } });
      const { text, broken } = await readAll(await post(engine, chat, streamed));
      assert.ok(broken);
      assert.equal(text.match(/"content":"/g)!.length, 3);
    });

    it('after a complete answer', async () => {
      const engine = await spawnEngine({ behaviour: { crash: 'after_answer' } });
      const { text, broken } = await readAll(await post(engine, chat, streamed));
      assert.ok(!broken && text.includes('[DONE]'));
      assert.equal((await engine.exit)[1], 'SIGKILL');
    });

    it('only once when told to', async () => {
      const behaviour = { crash: 'before_header', once: join(folder, 'crashed') } as const;
      await assert.rejects(post(await spawnEngine({ behaviour }), chat, streamed));
      assert.ok(existsSync(behaviour.once));
      assert.equal((await post(await spawnEngine({ behaviour }), chat, streamed)).status, 200);
    });
  });

  describe('gives half answers', () => {
    it('a stream that is cut, while it lives on', async () => {
      const engine = await spawnEngine({ behaviour: { cut_chunks: 2 } });
      assert.ok((await readAll(await post(engine, chat, streamed))).broken);
      assert.equal((await stateOf(engine)).busy, 0);
    });

    it('an answer shorter than its content-length', async () => {
      const engine = await spawnEngine({ behaviour: { wrong_length: true } });
      assert.ok((await readAll(await post(engine, chat, saying('hi')))).broken);
    });
  });

  describe('is stubborn', () => {
    it('and lets health hang once it was ready', async () => {
      const engine = await spawnEngine({ behaviour: { hang_health: true } });
      const health = (signal?: AbortSignal) =>
        fetch(`${engine.url}/health`, { ...(signal && { signal }), headers: { connection: 'close' } });
      assert.equal((await health()).status, 200);
      await assert.rejects(health(AbortSignal.timeout(200)), { name: 'TimeoutError' });
    });

    it('and changes its behaviour while it runs', async () => {
      const engine = await spawnEngine();
      await post(engine, '/fake/behaviour', { status: 500 });
      assert.equal((await post(engine, chat, saying('hi'))).status, 500);
    });

    it('and waits for its clients on SIGTERM', async () => {
      const engine = await spawnEngine({ behaviour: { sigterm: 'waits' } });
      const leave = new AbortController();
      const response = await post(engine, chat, saying('/count', { stream: true }), { signal: leave.signal });
      await response.body!.getReader().read();
      engine.child.kill('SIGTERM');
      // Refusing new clients shows that it heard the signal; it still serves the old one.
      await untilRefused(engine);
      assert.equal(engine.child.exitCode, null);
      leave.abort();
      assert.deepEqual(await engine.exit, [0, null]);
    });

    it('or ignores SIGTERM', async () => {
      const engine = await spawnEngine({ behaviour: { sigterm: 'ignored' } });
      engine.child.kill('SIGTERM');
      assert.equal((await post(engine, chat, saying('hi'))).status, 200);
    });
  });

  it('sleeps, refuses while asleep, and wakes', async () => {
    const engine = await spawnEngine();
    await post(engine, '/sleep', {});
    assert.equal((await post(engine, chat, saying('hi'))).status, 503);
    await post(engine, '/wake_up', {});
    assert.equal((await post(engine, chat, saying('hi'))).status, 200);
  });
});

async function freePort(): Promise<number> {
  const engine = await spawnEngine();
  engine.child.kill();
  await engine.exit;
  return Number(new URL(engine.url).port);
}

/** The status of /health; `undefined` when the port refuses. */
function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', path: '/health', agent: false });
    asked.once('response', (response) => resolve(response.resume().statusCode));
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}

/** The first status that /health answers with, asked until there is one. */
async function firstStatus(port: number): Promise<number> {
  for (;;) {
    const status = await statusOf(port);
    if (status !== undefined) return status;
  }
}

async function untilRefused({ url }: SpawnedEngine): Promise<void> {
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
