// Errors in Anthropic's form, before and in an answer, and pings for clients that wait.
import assert from 'node:assert/strict';
import { eventsOf, finish, TestApi, text, type Step } from './api.js';

describe('an error of the Messages API', () => {
  let api: TestApi;
  before(async () => void (api = await TestApi.open()));
  beforeEach(() => api.reset());
  after(() => api.close());

  const refused = async (status: number, error: object, body: object = {}) => {
    api.refuse = () => [status, error];
    const response = await api.post({ model: 'scripted', messages: [{ role: 'user', content: 'Hi' }], ...body });
    const { type, error: shown, request_id } = JSON.parse(await response.text());
    assert.deepEqual([type, request_id], ['error', response.headers.get('request-id')]);
    return { status: response.status, retry: response.headers.get('x-should-retry'), ...shown };
  };

  for (const [status, expected] of [
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [413, 'request_too_large'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [503, 'overloaded_error'],
    [504, 'timeout_error'],
  ] as const)
    it(`of the engine with status ${status} has the type ${expected}`, async () => {
      for (const stream of [false, true]) {
        const error = await refused(status, { message: 'No.' }, { stream });
        assert.deepEqual([error.status, error.type, error.message], [status, expected, 'No.']);
      }
    });

  it('about a prompt that is too long begins with the words and numbers that agents read', async () => {
    const engine = {
      code: 'context_length_exceeded',
      prompt_tokens: 9000,
      context_length: 4096,
      message: 'Shorten it.',
    };
    const { status, message } = await refused(400, engine, { max_tokens: 10 });
    assert.equal(status, 400);
    assert.equal(message, 'prompt is too long: 9000 tokens > 4096 maximum. Shorten it.');
    const { message: unknown } = await refused(400, { code: 'context_length_exceeded', message: 'Shorten it.' });
    assert.equal(unknown, 'prompt is too long: Shorten it.');
  });

  it('about what the engine does not support is one that clients do not repeat', async () => {
    const { status, type, message, retry } = await refused(501, { message: 'It reads no images.' });
    assert.deepEqual([status, type, message, retry], [400, 'invalid_request_error', 'It reads no images.', 'false']);
  });

  it('about a model that does not exist is a 404 with similar names', async () => {
    const { error } = await api.answer({ model: 'tinny' });
    assert.equal(error.type, 'not_found_error');
    assert.match(error.message, /"tinny" was not found.*tiny/);
  });

  for (const [what, script] of [
    ['an engine that breaks off', [text('Hel'), 'break off']],
    ['an engine that reports one', [text('Hel'), { error: { message: 'Out of memory', code: 500 } }]],
  ] as const)
    it(`of ${what} in a stream is the last event`, async () => {
      api.script = script;
      const events = await api.events({});
      const { event, data } = events.at(-1)!;
      assert.deepEqual([event, data.type, (data['error'] as { type: string }).type], ['error', 'error', 'api_error']);
      assert.match((data['error'] as { message: string }).message, /\w/);
      assert.ok(events.some(({ data: { type } }) => type === 'content_block_delta'));
      assert.ok(events.every(({ data: { type } }) => type !== 'message_stop'));
    });

  it('in an answer that is not streamed is an error response', async () => {
    const { type, error } = await api.answer({ model: 'dying' });
    assert.deepEqual([type, error.type], ['error', 'api_error']);
  });
});

describe('a client that waits for the Messages API', () => {
  let api: TestApi;
  before(async () => void (api = await TestApi.open({ heartbeatInterval: 0.02 })));
  after(() => api.close());

  /** The types of the events, where the engine goes on with `script` after the second one. */
  async function eventsAfterWait(...script: Step[]): Promise<string[]> {
    let goOn!: () => void;
    api.script = [new Promise<void>((resolve) => (goOn = resolve)), ...script];
    const response = await api.post({ model: 'scripted', stream: true, messages: [{ role: 'user', content: 'Hi' }] });
    const types: string[] = [];
    for await (const { data } of eventsOf(response)) {
      types.push(data.type);
      if (types.length === 2) goOn();
    }
    return types;
  }

  it('gets pings, then the answer', async () => {
    const types = await eventsAfterWait(text('Hello'), finish('stop'));
    assert.deepEqual(types.slice(0, 2), ['ping', 'ping']);
    const [first, ...others] = types.filter((type) => type !== 'ping');
    assert.deepEqual([first, others.at(-1)], ['message_start', 'message_stop']);
  });

  it('gets pings, then the error', async () => {
    const types = await eventsAfterWait('break off');
    assert.deepEqual(types.slice(0, 2), ['ping', 'ping']);
    assert.deepEqual(
      types.filter((type) => type !== 'ping'),
      ['error'],
    );
  });
});
