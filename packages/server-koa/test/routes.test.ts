// Lamina's own routes: listing, starting and stopping models.
import assert from 'node:assert/strict';
import { tinyGguf } from '@lamina/testing';
import { raw } from './support/raw.js';
import { chat, errorOf, inside, startTestServer, type TestServer } from './support/test-server.js';
import type { BackendsAnswer, HealthAnswer, ModelAnswer, ModelsAnswer, OpenAiModels } from './support/wire.js';

describe('the routes of the server', () => {
  let testServer: TestServer;

  beforeEach(async () => {
    testServer = await startTestServer({
      models: { 'org/name:q4': {}, plain: {} },
      entries: {
        missing: { path: 'missing.fake', backend: 'fake', aliases: ['gone'], use_cases: ['conversational'] },
        real: { path: 'real.gguf', backend: 'fake' },
      },
    });
  });

  afterEach(() => testServer.close());

  const get = async <Answer>(path: string, of = testServer) => (await (await fetch(of.url + path)).json()) as Answer;

  it('report the health, with the numbers of models and running servers, and the names that group models', async () => {
    assert.equal((await get<HealthAnswer>('/health')).active_servers, 0);
    await testServer.post('/models/plain/start', '');
    const { status, timestamp, models, active_servers } = await get<HealthAnswer>('/health');
    assert.equal(status, 'healthy');
    assert.ok(Math.abs(timestamp - Date.now() / 1000) < 60, 'in seconds');
    assert.equal(active_servers, 1);
    assert.equal(models.total_models, 4);
    assert.equal(models.available_models, 2);
    assert.equal(models.missing_models, 2);
    assert.deepEqual(models.backends, ['fake']);
    assert.deepEqual(models.use_cases, ['conversational']);
    assert.deepEqual(models.categories, []);
  });

  it('list models with their entries and states', async () => {
    await testServer.post('/v1/chat/completions', chat('plain'));
    const list = await get<ModelsAnswer>('/models');
    assert.deepEqual([list.total, list.available, list.active], [4, 2, 1]);
    const { backend, available, active, state } = list.models['plain']!;
    assert.deepEqual(
      { backend, available, active, state },
      { backend: 'fake', available: true, active: true, state: 'ready' },
    );
    assert.equal(list.models['missing']?.available, false);
    assert.equal(list.models['missing']?.state, 'stopped');
  });

  it('show one model, and its server only while it runs', async () => {
    const stopped = await get<ModelAnswer>('/models/plain');
    assert.equal(stopped.state, 'stopped');
    assert.equal('server' in stopped, false);
    await testServer.post('/models/plain/start', '');
    const { server } = await get<Required<ModelAnswer>>('/models/plain');
    assert.equal(server.backend, 'fake');
    assert.equal(server.port, Number(new URL(testServer.url).port), 'of Lamina, not of the engine');
    assert.equal(server.health_endpoint, `${testServer.url}/health`);
    assert.equal(server.chat_endpoint, `${testServer.url}/chat/plain`);
    assert.ok(Date.parse(server.started_at) > 0);
    assert.equal(server.pid, testServer.lamina.runtime.slot('plain').pid);
    assert.equal(server.origin, testServer.lamina.runtime.slot('plain').origin);
    const answer = await fetch(server.chat_endpoint, { method: 'POST', body: JSON.stringify(chat('plain')) });
    assert.equal(answer.status, 200);
  });

  it('answer a start with the model and where to chat with it, a stop with whether it has stopped', async () => {
    const { model, active, port, health_endpoint, chat_endpoint } = (await (
      await testServer.post('/models/plain/start', '')
    ).json()) as Record<string, unknown>;
    assert.deepEqual(
      { model, active, port },
      { model: 'plain', active: true, port: Number(new URL(testServer.url).port) },
    );
    assert.equal((await fetch(health_endpoint as string)).status, 200);
    const answer = await fetch(chat_endpoint as string, { method: 'POST', body: JSON.stringify(chat('plain')) });
    assert.equal(answer.status, 200);
    const stopped = (await (await testServer.post('/models/plain/stop', '')).json()) as Record<string, unknown>;
    assert.deepEqual([stopped['model'], stopped['stopped'], stopped['active']], ['plain', true, false]);
  });

  it('name the port that the client connected to, also behind a proxy or a port mapping', async () => {
    await testServer.post('/models/plain/start', '');
    const { hostname, port } = new URL(testServer.url);
    const asked = async (host: string) =>
      JSON.parse(
        (await raw(testServer.url, `GET /models/plain HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).body,
      ) as Required<ModelAnswer>;
    assert.equal((await asked('127.0.0.1:8080')).server.port, 8080);
    assert.equal((await asked('[::1]:8080')).server.port, 8080);
    for (const host of [hostname, '[::1]', 'localhost'])
      assert.equal((await asked(host)).server.port, Number(port), host);
  });

  it('show which files of a model are missing', async () => {
    const { available, missing } = await get<ModelAnswer>('/models/missing');
    assert.equal(available, false);
    assert.match(missing?.[0] ?? '', /missing\.fake/);
  });

  it('show the metadata of a GGUF file', async () => {
    await tinyGguf(inside(testServer, 'real.gguf'));
    await testServer.lamina.models.reload();
    const { metadata } = await get<ModelAnswer>('/models/real');
    assert.equal(metadata?.architecture, 'llama');
    assert.equal(typeof metadata?.context_length, 'number');
  });

  for (const name of ['org/name:q4', 'org%2Fname%3Aq4']) {
    it(`accept the name of a model in a path as ${name}`, async () => {
      const started = await testServer.post(`/models/${name}/start`, '');
      assert.equal(started.status, 200);
      assert.equal(((await started.json()) as { state: string }).state, 'ready');
      const answer = await testServer.post(`/chat/${name}`, { messages: [{ role: 'user', content: 'hi' }] });
      assert.match(await answer.text(), /org\/name:q4: 1 2 3 4/);
      assert.equal((await get<ModelAnswer>(`/models/${name}`)).state, 'ready');
      assert.equal((await get<{ id: string }>(`/v1/models/${name}`)).id, 'org/name:q4');
      const stopped = await testServer.post(`/models/${name}/stop`, '');
      assert.equal(((await stopped.json()) as { state: string }).state, 'stopped');
    });
  }

  it('start a ready model without an error and without a second engine', async () => {
    await testServer.post('/models/plain/start', '');
    const { pid } = testServer.lamina.runtime.slot('plain');
    assert.equal((await testServer.post('/models/plain/start', '')).status, 200);
    assert.equal(testServer.lamina.runtime.slot('plain').pid, pid);
  });

  it('respond 202 at once with wait=false', async () => {
    const ready = testServer.lamina.events.once('model.ready', { signal: AbortSignal.timeout(5000) });
    const started = await testServer.post('/models/plain/start?wait=false', '');
    assert.equal(started.status, 202);
    assert.equal(((await started.json()) as ModelAnswer).active, false);
    await ready;
    const stopped = testServer.lamina.events.once('model.stopped', { signal: AbortSignal.timeout(5000) });
    const stopping = await testServer.post('/models/plain/stop?wait=false', '');
    assert.equal(stopping.status, 202);
    assert.equal(((await stopping.json()) as { stopped: boolean }).stopped, false);
    await stopped;
  });

  it('report why a model cannot be started', async () => {
    const answer = await testServer.post('/models/missing/start', '');
    assert.equal(answer.status, 503);
    assert.equal((await errorOf(answer)).code, 'MODEL_FILES_MISSING');
  });

  it('list backends, unavailable ones with the reason and what to do', async () => {
    const { backends, available, total_configured, total_available } = await get<BackendsAnswer>('/backends');
    assert.equal(total_configured, Object.keys(backends).length);
    assert.equal(total_available, available.length);
    assert.deepEqual(available, ['fake']);
    const { version, ...fake } = backends['fake']!;
    assert.deepEqual(fake, { type: 'fake', available: true, formats: ['fake'], executable: process.execPath });
    assert.match(version ?? '', /^\d/);
    const other = await startTestServer({
      lamina: { manifest: { backends: { broken: { type: 'fake', executable: '/nowhere/engine' } } } },
    });
    try {
      const { broken } = (await get<BackendsAnswer>('/backends', other)).backends;
      assert.equal(broken?.available, false);
      assert.match(broken?.reason ?? '', /\/nowhere\/engine/);
      assert.equal(typeof broken?.hint, 'string');
    } finally {
      await other.close();
    }
  });

  it("list models in OpenAI's format: those with all files, and their aliases", async () => {
    const { object, data } = await get<OpenAiModels>('/v1/models');
    assert.equal(object, 'list');
    assert.deepEqual(data.map(({ id }) => id).sort(), ['org/name:q4', 'plain']);
    for (const model of data) {
      assert.equal(model.object, 'model');
      assert.ok(Number.isInteger(model.created));
      assert.equal(typeof model.owned_by, 'string');
    }
    assert.equal((await get<{ id: string }>('/v1/models/gone')).id, 'gone');
    assert.equal((await fetch(`${testServer.url}/v1/models/nobody`)).status, 404);
  });

  it('respond to HEAD like GET, without a body', async () => {
    const answer = await fetch(`${testServer.url}/health`, { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), '');
  });
});
