// Labels have only names that Lamina knows, however clients, keys and models are named.
import assert from 'node:assert/strict';
import { LaminaError, type Caller, type Plugin } from '@lamina/core';
import { sumOf } from './exposition-text.js';
import { chat, startMetered, total, type MeteredServer } from './metered-server.js';

const hostileKey = 'a"b\\c\nd,model:x,{}=#\u2028';
const hostileModel = 'q"u,key:z,te{x}';

describe('the labels of metrics', function () {
  this.timeout(30_000);
  let server: MeteredServer;
  beforeEach(async () => {
    server = await startMetered({
      models: { tiny: {}, [hostileModel]: {} },
      entries: { named: { path: 'model.fake', backend: 'fake', aliases: ['nick'] } },
      plugins: [refusing],
      server: { apiKeys: [{ name: hostileKey, key: 'secret' }, { key: 'unnamed' }] },
      key: 'unnamed',
    });
  });
  afterEach(() => server.close());

  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  const caller = (name: string): Caller => ({ name, scopes: ['inference'], via: 'process' });

  it('are the names of the model and of the key, whatever characters those have', async () => {
    await server.post('chat/completions', chat(hostileModel), as('secret'));
    await server.post('chat/completions', chat(hostileModel), as('unnamed'));
    const { samples } = await server.metrics();
    const labels = samples.filter(({ name }) => name === 'lamina_requests_total').map((sample) => sample.labels);
    const other = { model: hostileModel, route: 'chat/completions', status: '200' };
    assert.deepEqual(labels, [
      { ...other, key: hostileKey },
      { ...other, key: '' },
    ]);
    const view = await server.series(`model=${encodeURIComponent(hostileModel)}`);
    assert.equal(total(view, 'requests'), 2);
  });

  it('keep apart names that would be the same when put together', async () => {
    for (const name of ['x,model:tiny', 'x'])
      await assert.rejects(lamina().inference.embed({ model: 'nobody', input: 'hi' }, { caller: caller(name) }));
    const exposition = await server.metrics();
    for (const key of ['x,model:tiny', 'x'])
      assert.equal(sumOf(exposition, 'lamina_requests_total', { key, model: 'other' }), 1);
  });

  it('are `other` for the names that clients make up', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'x'.repeat(5_000), 'tiny ', '../tiny', '"}\n', 'tiny\u0000'];
    for (const name of names)
      assert.equal((await server.post('chat/completions', chat(name), as('unnamed'))).status, 404);
    const exposition = await server.metrics();
    assert.equal(sumOf(exposition, 'lamina_requests_total', { model: 'other', status: '404' }), names.length);
    assert.equal(sumOf(exposition, 'lamina_requests_total'), names.length);
    assert.deepEqual((await server.series('')).models, ['other']);
  });

  it('are the model of an alias', async () => {
    await server.post('chat/completions', chat('nick'), as('unnamed'));
    const refused = await server.post('chat/completions', chat('nick'), { ...as('unnamed'), 'x-refuse': 'yes' });
    assert.equal(refused.status, 403);
    const exposition = await server.metrics();
    for (const status of ['200', '403'])
      assert.equal(sumOf(exposition, 'lamina_requests_total', { model: 'named', status }), 1);
    assert.equal((await server.series('model=nick')).model, 'named');
  });

  it('are `other` for routes that only an engine knows', async () => {
    await server.post('chat/completions', chat('tiny'), as('unnamed'));
    for (const path of ['/v1/fake/one?model=tiny', '/v1/fake/two?model=tiny']) await server.get(path);
    const exposition = await server.metrics();
    assert.equal(sumOf(exposition, 'lamina_requests_total', { model: 'tiny', route: 'other' }), 2);
    assert.equal(sumOf(exposition, 'lamina_requests_total', { model: 'tiny' }), 3);
  });

  it('are the routes that Lamina itself documents', async () => {
    const { paths } = JSON.parse((await server.get('/openapi.json')).text) as { paths: Record<string, object> };
    const routes = Object.keys(paths).flatMap((path) => /^\/v1\/((?!models)[^{*]+)$/.exec(path)?.[1] ?? []);
    assert.ok(routes.length > 10);
    for (const route of routes) await server.post(route, { model: 'nobody', ...everyField }, as('unnamed'));
    const exposition = await server.metrics();
    for (const route of routes) assert.equal(sumOf(exposition, 'lamina_requests_total', { route }), 1, route);
  });

  it('are at most 200 names of callers; the rest is `other`', async () => {
    for (let index = 0; index < 250; index++)
      await assert.rejects(lamina().inference.embed({ model: 'x', input: 'hi' }, { caller: caller(`key-${index}`) }));
    const exposition = await server.metrics();
    assert.equal(sumOf(exposition, 'lamina_requests_total', { key: 'other' }), 50);
    assert.equal(sumOf(exposition, 'lamina_requests_total', { key: 'key-7' }), 1);
    assert.equal(sumOf(exposition, 'lamina_requests_total'), 250);
  });

  const lamina = () => server.lamina;
});

/** Refuses requests with the header `x-refuse`, before their model is resolved. */
const refusing: Plugin = {
  name: 'refusing',
  setup: (lamina) =>
    lamina.hooks.beforeRequest.tap(({ headers }) => {
      if (headers['x-refuse'] !== undefined) throw new LaminaError('FORBIDDEN', { message: 'Refused.' });
      return undefined;
    }),
};

/** What some route requires. */
const everyField = {
  messages: [{ role: 'user', content: 'hi' }],
  prompt: '',
  input: '',
  query: '',
  documents: [],
};
