// What a key with the scope "inference" sees of the machine: no absolute path and no address of an engine.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventBus } from '../../core/dist/kernel/event-bus.js';
import type { LaminaEvent } from '@lamina/core';
import { attached, chat, startTestServer, type TestServer } from './support/test-server.js';
import { remotePlugin } from './support/remote.js';
import { TestSocket } from './support/socket.js';

const apiKeys = [{ key: 'all-of-it' }, { key: 'only-chats', scope: 'inference' }] as const;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe('a key without the scope manage', () => {
  let testServer: TestServer;
  let outside: string;

  beforeEach(async () => {
    outside = await mkdtemp(join(tmpdir(), 'lamina private-'));
    await writeFile(join(outside, 'far.fake'), 'a fake model');
    const manifest = {
      models: {
        tiny: { path: 'model.fake', backend: 'fake' },
        far: {
          path: join(outside, 'far.fake'),
          backend: 'fake',
          options: {},
          note: `copied from ${outside}/old.fake`,
          use_cases: ['far'],
        },
        gone: { path: join(outside, 'gone.fake'), backend: 'fake' },
        cut: { path: 'cut.safetensors', backend: 'fake' },
        broken: { path: 'model.fake', backend: 'absent' },
        dying: {
          path: 'model.fake',
          backend: 'fake',
          options: { exit_code: 1, stderr: ['error: cannot open /srv/secret/model.fake at 127.0.0.1:4711'] },
        },
        away: { ...attached },
      },
      backends: { fake: { type: 'fake' }, absent: { type: 'fake', executable: '/opt/secret/engine' } },
    };
    testServer = await startTestServer({
      lamina: {
        manifest,
        files: { 'model.fake': 'a fake model', 'found.gguf': 'x', 'cut.safetensors': 'x', attached: 'x' },
      } as object,
      plugins: [remotePlugin(() => ({ baseUrl: 'http://127.0.0.1:1' }))],
      server: { apiKeys },
    });
  });

  afterEach(async () => {
    await testServer.close();
    await rm(outside, { recursive: true });
  });

  /** The texts that tell where something is on this machine. */
  const leaksIn = (text: string) =>
    [
      outside,
      testServer.modelsDir,
      '/opt/secret',
      '/srv/secret',
      process.execPath,
      '127.0.0.1:4711',
      '127.0.0.1:1"',
    ].filter((place) => text.includes(place));
  const asked = async (key: string, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    return (await fetch(testServer.url + path, { ...init, headers: bearer(key) })).text();
  };

  const requests: readonly (readonly [path: string, body?: unknown])[] = [
    ['/models'],
    ['/models?state=stopped'],
    ['/models/far'],
    ['/models/gone'],
    ['/models/cut'],
    ['/backends'],
    ['/downloads'],
    ['/downloadable'],
    ['/health'],
    ['/models?backends=true'],
    ['/models/far?backends=true'],
    ['/models/validate', {}],
    ['/suggest', { use_case: 'far' }],
    ['/suggest', {}],
    ['/chat/broken', chat('broken')],
    ['/chat/gone', chat('gone')],
    ['/chat/dying', chat('dying')],
    ['/chat/dying', chat('dying')],
    ['/v1/chat/completions', chat('broken')],
    ['/v1/messages', chat('dying')],
    ['/v1/chat/completions', chat('away')],
  ];

  it('does not see where files and engines are, on any route and in any error', async () => {
    for (const [path, body] of requests) {
      const text = await asked('only-chats', path, body);
      assert.deepEqual(leaksIn(text), [], `${path}: ${text}`);
    }
    assert.deepEqual(leaksIn(await asked('all-of-it', '/models/far')), [outside]);
    assert.deepEqual(leaksIn(await asked('all-of-it', '/backends')), ['/opt/secret', process.execPath]);
  });

  it('sees what it needs: the name of a file, the problem, and which route to use', async () => {
    const { path, note } = JSON.parse(await asked('only-chats', '/models/far')) as { path: string; note: string };
    assert.deepEqual([path, note.includes('old.fake')], ['far.fake', true]);
    const tiny = JSON.parse(await asked('only-chats', '/models/tiny')) as { path: string };
    assert.equal(tiny.path, 'model.fake');
    await asked('only-chats', '/chat/tiny', chat('tiny'));
    const { server } = JSON.parse(await asked('only-chats', '/models/tiny')) as { server: { chat_endpoint: string } };
    assert.equal(server.chat_endpoint, `${testServer.url}/chat/tiny`);
    const refused = JSON.parse(await asked('only-chats', '/models/reload', {})) as { error: { message: string } };
    assert.match(refused.error.message, /^POST \/models\/reload needs a key/);
    assert.match(await asked('only-chats', '/chat/broken', chat('broken')), /engine/);
  });

  it('does not see more in events and WebSocket frames', async () => {
    const socket = await TestSocket.open(testServer.url, { headers: bearer('only-chats') });
    socket.send({ type: 'events.subscribe', id: 'all' });
    await socket.next('reply');
    for (const model of ['broken', 'gone', 'dying']) await socket.chat(model, model);
    const message = `${outside}/plugin.js failed at 127.0.0.1:4711`;
    (testServer.lamina.events as EventBus).emit('plugin.failed', { plugin: 'p', hook: 'h', message });
    await socket.next('event', ({ event }) => event.type === 'plugin.failed');
    await socket.next('event', ({ event }) => event.type === 'model.failed');
    for (const frame of socket.frames) assert.deepEqual(leaksIn(JSON.stringify(frame)), [], JSON.stringify(frame));
    await socket.close();
  });

  it('does not affect callers with the scope manage', async () => {
    const socket = await TestSocket.open(testServer.url, { headers: bearer('all-of-it') });
    socket.send({ type: 'events.subscribe', id: 'all', types: ['plugin.failed'] });
    await socket.next('reply');
    (testServer.lamina.events as EventBus).emit('plugin.failed', {
      plugin: 'p',
      hook: 'h',
      message: `${outside}/plugin.js`,
    });
    const { event } = await socket.next('event');
    assert.equal((event as LaminaEvent<'plugin.failed'>).message, `${outside}/plugin.js`);
    await socket.close();
  });
});
