// OpenAI's own client, unmodified, against the server.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { startTestServer, type TestServer } from './support/test-server.js';

describe("OpenAI's client", () => {
  let testServer: TestServer;
  let openai: OpenAI;

  before(async () => {
    testServer = await startTestServer({
      models: { 'org/tiny:q4': {}, broken: { status: 400 } },
      entries: { absent: { path: 'absent.fake', backend: 'fake' } },
      server: { apiKeys: [{ key: 'a-key' }] },
    });
    openai = new OpenAI({ baseURL: `${testServer.url}/v1`, apiKey: 'a-key' });
  });

  after(() => testServer.close());

  const messages = [{ role: 'user' as const, content: 'hi' }];

  it('chats', async () => {
    const answer = await openai.chat.completions.create({ model: 'org/tiny:q4', messages });
    assert.equal(answer.choices[0]?.message.content, 'org/tiny:q4: 1 2 3 4');
    assert.equal(answer.choices[0]?.finish_reason, 'stop');
    assert.equal(answer.usage?.completion_tokens, 5);
    assert.ok(answer._request_id);
  });

  it('streams a chat', async () => {
    const stream = await openai.chat.completions.create({
      model: 'org/tiny:q4',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: number | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage?.completion_tokens ?? usage;
    }
    assert.equal(text, 'org/tiny:q4: 1 2 3 4');
    assert.equal(usage, 5);
  });

  it('completes, responds and embeds', async () => {
    assert.match((await openai.completions.create({ model: 'org/tiny:q4', prompt: 'hi' })).choices[0]!.text, /1 2 3 4/);
    assert.match(
      JSON.stringify((await openai.responses.create({ model: 'org/tiny:q4', input: 'hi' })).output),
      /1 2 3 4/,
    );
    const { data } = await openai.embeddings.create({ model: 'org/tiny:q4', input: ['one', 'two'] });
    assert.equal(data.length, 2);
    assert.equal(typeof data[0]?.embedding[0], 'number');
  });

  it('lists and retrieves models', async () => {
    const { data } = await openai.models.list();
    assert.deepEqual(data.map(({ id }) => id).sort(), ['broken', 'org/tiny:q4']);
    assert.equal((await openai.models.retrieve('org/tiny:q4')).id, 'org/tiny:q4');
  });

  it('leaves a stream', async () => {
    const finished = testServer.lamina.events.once('request.finished', {
      signal: AbortSignal.timeout(5000),
      where: ({ status }) => status === 499,
    });
    const stream = await openai.chat.completions.create({
      model: 'org/tiny:q4',
      messages: [{ role: 'user', content: '/count' }],
      stream: true,
    });
    for await (const _ of stream) break;
    assert.equal((await finished).model, 'org/tiny:q4');
  });

  it('parses errors, and retries only retryable ones', async () => {
    let requests = 0;
    const counting = new OpenAI({
      baseURL: `${testServer.url}/v1`,
      apiKey: 'a-key',
      maxRetries: 2,
      fetch: (...args: Parameters<typeof fetch>) => (requests++, fetch(...args)),
    });
    const failure = async (call: Promise<unknown>) =>
      call.then(
        () => assert.fail('it did not fail'),
        (error: unknown) => error as InstanceType<typeof OpenAI.APIError>,
      );
    const unknown = await failure(counting.chat.completions.create({ model: 'nobody', messages }));
    assert.ok(unknown instanceof OpenAI.NotFoundError);
    assert.equal(unknown.code, 'MODEL_NOT_FOUND');
    const absent = await failure(counting.chat.completions.create({ model: 'absent', messages }));
    assert.ok(absent instanceof OpenAI.InternalServerError);
    assert.equal(absent.status, 503);
    assert.equal(absent.code, 'MODEL_FILES_MISSING');
    assert.equal(requests, 2, 'a 503 that cannot be cured by asking again was asked again');
    const invalid = await failure(counting.chat.completions.create({ model: 'org/tiny:q4' } as never));
    assert.ok(invalid instanceof OpenAI.BadRequestError);
    assert.equal(invalid.param, 'messages');
    const engine = await failure(counting.chat.completions.create({ model: 'broken', messages }));
    assert.ok(engine instanceof OpenAI.BadRequestError);
    assert.match(engine.message, /Told to answer 400/);
    const keyless = await failure(new OpenAI({ baseURL: `${testServer.url}/v1`, apiKey: 'wrong' }).models.list());
    assert.ok(keyless instanceof OpenAI.AuthenticationError);
  });
});
