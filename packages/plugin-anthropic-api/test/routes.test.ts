// Which requests the plugin answers: engines with the route itself, and the list of models for both kinds of clients.
import assert from 'node:assert/strict';
import { TestApi } from './api.js';

const body = { model: 'tiny', max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] };

describe('the routes of anthropic-api', () => {
  let api: TestApi;
  before(async () => void (api = await TestApi.open()));
  beforeEach(() => api.reset());
  after(() => api.close());

  const list = async (path = '/v1/models', headers: Record<string, string> = { 'anthropic-version': '2026-10-21' }) => {
    const response = await fetch(api.url + path, { headers });
    return { status: response.status, body: JSON.parse(await response.text()) };
  };

  it('answer with and without /v1, whatever the query', async () => {
    for (const path of ['/v1/messages', '/messages', '/v1/messages?beta=true'])
      assert.equal((await api.answer(body, path))['content'][0].text, 'tiny: 1 2 3 4');
    for (const path of ['/v1/messages/count_tokens', '/messages/count_tokens?beta=true'])
      assert.equal((await api.answer(body, path))['input_tokens'], 1);
  });

  it('list models for both kinds of clients in one body', async () => {
    const { body: answer } = await list();
    const { body: own } = await list('/v1/models', {});
    assert.deepEqual([answer['object'], answer['has_more']], ['list', false]);
    const ids = answer['data'].map(({ id }: { id: string }) => id);
    assert.deepEqual([answer['first_id'], answer['last_id']], [ids[0], ids.at(-1)]);
    assert.ok(ids.includes('tiny') && ids.includes('small'));
    for (const [index, model] of (own['data'] as object[]).entries()) {
      const { type, display_name, created_at, ...rest } = answer['data'][index];
      assert.deepEqual([rest, type, display_name], [model, 'model', rest.id]);
      assert.equal(new Date(created_at).getTime(), rest.created * 1_000);
    }
  });

  it('leave the list to Lamina for other clients', async () => {
    const { body: own } = await list('/v1/models', {});
    assert.deepEqual(Object.keys(own), ['object', 'data']);
    assert.equal((await list('/v1/models/tiny', {})).body['type'], undefined);
    assert.equal((await list('/v1/models/absent', {})).body['type'], undefined);
  });

  it('describe one model, also by its alias', async () => {
    const { body: model } = await list('/v1/models/small');
    assert.deepEqual([model['id'], model['type'], model['object']], ['small', 'model', 'model']);
    const { status, body: error } = await list('/v1/models/absent');
    assert.deepEqual([status, error['type'], error['error'].type], [404, 'error', 'not_found_error']);
  });
});

describe('anthropic-api with translate: missing', () => {
  let api: TestApi;
  before(async () => void (api = await TestApi.open({ translate: 'missing' })));
  beforeEach(() => api.reset());
  after(() => api.close());

  it('translates for an engine that is not known to have the route', async () => {
    await api.translated({});
  });

  it('leaves a request to an engine that has the route, whose errors have the same form', async () => {
    const { id, content } = await api.answer({ model: 'native' });
    assert.deepEqual([id, content[0].text], ['fake-1', 'native: 1 2 3 4']);
    const types = (await api.events({ model: 'native' })).map(({ event }) => event);
    assert.deepEqual([types[0], types.at(-1)], ['message_start', 'message_stop']);
    const { type, error, request_id } = await api.answer({ model: 'native', max_tokens: 1.5 });
    assert.deepEqual([type, error.type, typeof request_id], ['error', 'invalid_request_error', 'string']);
  });

  it('translates for a name that a hook of another plugin replaces', async () => {
    assert.equal((await api.answer({ model: 'claude' }))['model'], 'claude');
    assert.equal(api.seen.length, 1);
  });

  it('has the error for a model that does not exist', async () => {
    assert.equal((await api.answer({ model: 'absent' }))['error'].type, 'not_found_error');
  });

  it('translates the routes that this engine lacks', async () => {
    assert.equal((await api.answer({ model: 'native' }, '/v1/messages/count_tokens'))['input_tokens'], 2);
  });

  it('translates for an engine that has the route, with translate: always', async () => {
    const always = await TestApi.open();
    try {
      assert.match((await always.answer({ model: 'native' }))['id'], /^msg_/);
    } finally {
      await always.close();
    }
  });
});
