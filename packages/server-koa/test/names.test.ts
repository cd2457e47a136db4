// Names that every JavaScript object has as properties are names like any other.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';
import { attached, chat, errorOf, startTestServer } from './support/test-server.js';
import { openRemote, remotePlugin } from './support/remote.js';
import { TestSocket } from './support/socket.js';

const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'];

describe('a name that every object has as a property', () => {
  let lamina: TestLamina;
  let server: Server;
  let url: string;

  async function serve(manifest: string): Promise<void> {
    lamina = await createTestLamina({
      files: { 'model.fake': 'x', 'models.yaml': manifest },
      plugins: [fakePlugin()],
      limits: { maxLoaded: 9 },
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  }

  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close({ signal: AbortSignal.abort() });
  });

  const post = (path: string, body: unknown) => fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
  const refusal = async (asked: Promise<Response>): Promise<readonly [number, string]> => {
    const response = await asked;
    return [response.status, (await errorOf(response)).code];
  };

  it('is unknown as a model, a route, an event, a state, a download or a frame', async () => {
    await serve('models:\n  plain: { path: model.fake, backend: fake }\n');
    const socket = await TestSocket.open(url);
    for (const name of names) {
      assert.deepEqual(await refusal(fetch(`${url}/models/${name}`)), [404, 'MODEL_NOT_FOUND'], name);
      assert.deepEqual(await refusal(fetch(`${url}/v1/models/${name}`)), [404, 'MODEL_NOT_FOUND'], name);
      assert.deepEqual(await refusal(post(`/chat/${name}`, chat(name))), [404, 'MODEL_NOT_FOUND'], name);
      assert.deepEqual(await refusal(fetch(`${url}/v1/${name}`)), [404, 'ROUTE_NOT_FOUND'], name);
      assert.deepEqual(await refusal(post(`/v1/${name}`, {})), [404, 'ROUTE_NOT_FOUND'], name);
      assert.deepEqual(await refusal(post(`/v1/${name}`, { model: name })), [404, 'MODEL_NOT_FOUND'], name);
      assert.deepEqual(await refusal(fetch(`${url}/events?types=${name}`)), [400, 'REQUEST_INVALID'], name);
      assert.deepEqual(await refusal(fetch(`${url}/models?state=${name}`)), [400, 'REQUEST_INVALID'], name);
      assert.deepEqual(await refusal(fetch(`${url}/downloads/${name}`)), [404, 'DOWNLOAD_NOT_FOUND'], name);
      assert.deepEqual(await refusal(post('/download', { model: name })), [404, 'MODEL_NOT_FOUND'], name);
      assert.equal((await post('/suggest', { use_case: name, category: name })).status, 200, name);
      socket.send({ type: 'events.subscribe', id: name, types: [name] });
      assert.equal((await socket.next('error', ({ id }) => id === name)).error.code, 'REQUEST_INVALID');
      socket.ws.send(JSON.stringify({ type: name, id: `frame ${name}` }));
      assert.equal((await socket.next('error', ({ id }) => id === `frame ${name}`)).error.code, 'REQUEST_INVALID');
    }
    await socket.close();
  });

  it('can be the name of a model: it is listed, answers, is changed and is removed', async () => {
    const entries = names.map((name) => `  ${name}: { path: model.fake, backend: fake }\n`).join('');
    await serve(`models:\n${entries}`);
    const list = JSON.parse(await (await fetch(`${url}/models`)).text(), (_key, value: unknown) => value) as {
      models: object;
      total: number;
    };
    assert.equal(list.total, names.length);
    for (const name of names) {
      assert.ok(Object.hasOwn(list.models, name), name);
      const answer = await post('/v1/chat/completions', chat(name));
      assert.equal(answer.status, 200, `${name}: ${await answer.clone().text()}`);
      await lamina.models.save(name, { path: 'model.fake', backend: 'fake', description: 'changed' });
      assert.equal(
        ((await (await fetch(`${url}/models/${name}`)).json()) as { description: string }).description,
        'changed',
      );
      assert.equal((await fetch(`${url}/models/${name}`, { method: 'DELETE' })).status, 200);
    }
    assert.equal(
      await readFile(join(lamina.modelsDir, 'models.yaml'), 'utf8').then((text) => text.includes('path')),
      false,
    );
  });

  it('is sent to an engine as it is, unless the engine knows the model by another id', async () => {
    await serve('models: {}\n');
    const asked: unknown[] = [];
    const remote = await openRemote((request, response) => {
      void text(request).then((body) => {
        asked.push((JSON.parse(body) as { model: unknown }).model);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    const plugin = remotePlugin(() => ({ baseUrl: `${remote.url}/v1` }), { info: { ids: { other: 'id' } } });
    const testServer = await startTestServer({
      models: {},
      entries: Object.fromEntries(['other', ...names].map((name) => [name, { ...attached }])),
      plugins: [plugin],
      lamina: { limits: { maxLoaded: 9 } },
    });
    try {
      for (const name of ['other', ...names])
        assert.equal((await testServer.post('/v1/chat/completions', chat(name))).status, 200, name);
      assert.deepEqual(asked, ['id', ...names]);
    } finally {
      await testServer.close();
      await remote.close();
    }
  });

  it('can be an alias, a base, a category and a missing backend', async () => {
    const entries = names
      .map((name) => `  m-${name}: { path: model.fake, backend: ${name}, aliases: [${name}], use_cases: [${name}] }\n`)
      .join('');
    await serve('models: {}\n');
    await writeFile(
      join(lamina.modelsDir, 'models.yaml'),
      `models:\n${entries}categories:\n  constructor: [m-constructor]\n`,
    );
    assert.equal((await post('/models/reload', {})).status, 200);
    for (const name of names) {
      assert.equal((await fetch(`${url}/models/${name}`)).status, 200, name);
      assert.deepEqual(await refusal(post(`/chat/${name}`, chat(name))), [503, 'BACKEND_UNAVAILABLE'], name);
    }
    const { models } = (await (await fetch(`${url}/health`)).json()) as {
      models: { backends: string[]; categories: string[] };
    };
    assert.deepEqual(
      [names.every((name) => models.backends.includes(name)), models.categories.includes('constructor')],
      [true, true],
    );
  });
});
