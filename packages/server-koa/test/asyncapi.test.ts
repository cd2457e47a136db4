// /asyncapi.json: every documented frame of a client is sent, and every frame and event that answers is held to its schema.
import assert from 'node:assert/strict';
import type { JsonObject, Plugin } from '@lamina/core';
import type { PluginContext } from '@lamina/core/plugin';
import type { ClientFrame, LaminaEvent, ServerFrame } from '@lamina/core/protocol';
import { problemsOf } from './support/documented.js';
import { serveEndlessFiles, type EndlessFiles } from './support/endless-file.js';
import { TestSocket } from './support/socket.js';
import { shelfPlugin } from './support/shelf-source.js';
import { startTestServer, type TestServer } from './support/test-server.js';

interface Message extends JsonObject {
  readonly name: string;
  readonly payload: JsonObject;
  readonly 'x-scope'?: string;
  readonly 'x-reply'?: JsonObject;
}

interface AsyncApi extends JsonObject {
  readonly asyncapi: string;
  readonly channels: Readonly<
    Record<string, { readonly messages: Readonly<Record<string, { readonly $ref: string }>> }>
  >;
  readonly components: { readonly messages: Readonly<Record<string, Message>> };
}

/** A plugin with a frame. */
const echo: Plugin = {
  name: 'echo',
  setup(lamina: PluginContext) {
    lamina.extend('http', {
      frames: {
        'echo.word': {
          scope: 'manage',
          schema: { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] },
          run: (frame) => ({ word: (frame as { word: string }).word }),
        },
      },
    });
  },
};

const manager = { authorization: 'Bearer manager-key-1' };
const guest = { authorization: 'Bearer guest-key-1' };

describe('/asyncapi.json', function () {
  this.timeout(30_000);
  let testServer: TestServer;
  let files: EndlessFiles;
  let document: AsyncApi;
  let socket: TestSocket;

  before(async () => {
    files = await serveEndlessFiles();
    testServer = await startTestServer({
      plugins: [echo, shelfPlugin()],
      entries: { far: { path: 'far.fake', backend: 'fake', download: { url: `${files.origin}/far.fake` } } },
      server: { apiKeys: [{ key: 'manager-key-1' }, { key: 'guest-key-1', scope: 'inference' }] },
    });
    document = (await (await fetch(`${testServer.url}/asyncapi.json`, { headers: manager })).json()) as AsyncApi;
    socket = await TestSocket.open(testServer.url, { headers: manager });
  });
  after(async () => {
    await testServer.close();
    await files.close();
  });

  const messagesOf = (side: string) =>
    Object.entries(document.components.messages)
      .filter(([name]) => name.startsWith(`${side}_`))
      .map(([, message]) => message);
  const messageOf = (side: string, type: string) => {
    const message = messagesOf(side).find(({ name }) => name === type);
    assert.ok(message !== undefined, `the ${side} message ${type} is not documented`);
    return message;
  };
  const request = { model: 'tiny', messages: [{ role: 'user', content: 'hi' }] };

  /** In this order: what is cancelled or ended has begun before. */
  const frames: readonly ClientFrame[] = [
    { type: 'events.subscribe', id: 'events' },
    { type: 'ping', id: 'ping' },
    { type: 'model.start', id: 'start', model: 'tiny' },
    { type: 'chat.start', id: 'chat', request, keep: true },
    { type: 'chat.cancel', id: 'chat' },
    { type: 'chat.resume', id: 'resume', chat: 'unknown', after: 0 },
    { type: 'embeddings.create', id: 'embed', request: { model: 'tiny', input: 'hi' } },
    { type: 'echo.word', id: 'echo', word: 'hi' } as never,
    { type: 'model.list', id: 'list', state: 'ready' },
    { type: 'model.get', id: 'get', model: 'tiny' },
    { type: 'model.ps', id: 'ps' },
    { type: 'model.logs', id: 'logs', model: 'tiny', limit: 1 },
    { type: 'model.suggest', id: 'suggest', request: { use_case: 'chat' } },
    { type: 'model.search', id: 'search', q: 'tiny', source: 'shelf', limit: 5 },
    { type: 'download.list', id: 'downloads' },
    { type: 'download.start', id: 'download', request: { model: 'far' } },
    { type: 'download.pause', id: 'pause', download: 'none' },
    { type: 'download.resume', id: 'go on', download: 'none' },
    { type: 'download.cancel', id: 'cancel', download: 'none' },
    { type: 'call.cancel', id: 'get' },
    { type: 'model.stop', id: 'stop', model: 'tiny' },
    { type: 'events.unsubscribe', id: 'events' },
  ];

  it('has messages whose references lead somewhere', () => {
    assert.equal(document.asyncapi, '3.0.0');
    for (const { messages } of Object.values(document.channels))
      for (const [name, { $ref }] of Object.entries(messages)) {
        assert.equal($ref, `#/components/messages/${name}`);
        assert.ok(name in document.components.messages, name);
      }
  });

  it('has every frame that is accepted, and every frame and event that answers one, with its schema', async () => {
    assert.deepEqual(
      messagesOf('client')
        .map(({ name }) => name)
        .sort(),
      [...new Set(frames.map(({ type }) => type))].sort(),
      'each documented frame has an example here',
    );
    let download = '';
    for (const example of frames) {
      const frame = 'download' in example ? { ...example, download } : example;
      assert.deepEqual(problemsOf(document, messageOf('client', frame.type).payload, frame), [], frame.type);
      socket.send(frame);
      const answer = await answerTo(frame);
      if (answer?.type !== 'reply') continue;
      const { 'x-reply': schema } = messageOf('client', frame.type);
      if (schema !== undefined) assert.deepEqual(problemsOf(document, schema, answer.result), [], frame.type);
      if (frame.type === 'download.start') download = (answer.result as { id: string }).id;
    }
    for (const frame of socket.frames) {
      assert.deepEqual(
        problemsOf(document, messageOf('server', frame.type).payload, withoutEvent(frame)),
        [],
        frame.type,
      );
      if (frame.type !== 'event') continue;
      const event = frame.event as LaminaEvent;
      assert.deepEqual(problemsOf(document, messageOf('event', event.type).payload, event), [], event.type);
    }
    assert.ok(socket.frames.some(({ type }) => type === 'event'));
  });

  async function answerTo({ type, id }: ClientFrame): Promise<ServerFrame | undefined> {
    if (type === 'chat.start' || type === 'call.cancel') return undefined;
    if (type === 'ping') return socket.next('pong');
    return type === 'chat.cancel' ? (await socket.ended(id)).last : socket.answer(id);
  }

  it('says which scope each frame needs', async () => {
    const limited = await TestSocket.open(testServer.url, { headers: guest });
    for (const { name, 'x-scope': scope } of messagesOf('client')) {
      const { type: _, ...rest } = frames.find(({ type }) => type === name)!;
      limited.send({ ...rest, type: name, id: name } as ClientFrame);
      limited.send({ type: 'ping', id: `after ${name}` });
      await limited.next('pong', ({ id }) => id === `after ${name}`);
      const refused = limited.of(name).some((frame) => frame.type === 'error' && frame.error.code === 'FORBIDDEN');
      assert.equal(refused, scope === 'manage', name);
    }
    await limited.close();
  });
});

/** The frame of an event has the fields of any event. */
function withoutEvent(frame: ServerFrame): object {
  if (frame.type !== 'event') return frame;
  const { id, at, type } = frame.event;
  return { ...frame, event: { id, at, type } };
}
