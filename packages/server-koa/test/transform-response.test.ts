// The hook transformResponse: answers that plugins change, over HTTP, on a WebSocket and in process.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LaminaError, type LaminaEvent } from '@lamina/core';
import type { ChunkTransform, JsonObject, Plugin } from '@lamina/core/plugin';
import { attached, chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';
import { remotePlugin } from './support/remote.js';
import { TestSocket } from './support/socket.js';

type Chunk = { choices?: { delta: { content?: string }; finish_reason: string | null }[] };

/** Replaces "1 2", of which a chunk has only a part; what may be the beginning of it is held back. */
function redactor(): ChunkTransform {
  let held = '';
  let last: JsonObject | undefined;
  const withText = (chunk: JsonObject, content: string): JsonObject =>
    ({ ...chunk, choices: [{ index: 0, delta: { content }, finish_reason: null }] }) as JsonObject;
  return {
    each(chunk) {
      const text = (chunk as Chunk).choices?.[0]?.delta.content;
      if (typeof text !== 'string') return chunk;
      last = chunk;
      held = (held + text).replaceAll('1 2', '***');
      const keep = ['1 ', '1'].find((start) => held.endsWith(start)) ?? '';
      const out = held.slice(0, held.length - keep.length);
      held = keep;
      return out === '' ? undefined : withText(chunk, out);
    },
    end: () => (held === '' ? [] : [withText(last!, held)]),
  };
}

const changes: Readonly<Record<string, () => ChunkTransform>> = {
  redact: redactor,
  same: () => ({ each: (chunk) => chunk }),
  twice: () => ({ each: (chunk) => [chunk, chunk] }),
  failing: () => ({
    each: () => {
      throw new TypeError('x is not a function');
    },
  }),
  refusing: () => {
    throw new LaminaError('FORBIDDEN', { message: 'Not this one.' });
  },
  promising: () => ({ each: () => Promise.resolve() as never }),
  shouting: () => ({
    each(chunk) {
      const { delta } = chunk as { delta?: { text?: string } };
      return delta?.text === undefined ? chunk : { ...chunk, delta: { ...delta, text: delta.text.toUpperCase() } };
    },
  }),
};

/** Changes an answer as the field `user` of its request says. */
const changer: Plugin = {
  name: 'changer',
  setup({ hooks }) {
    hooks.transformResponse.tap((response, { json }) => {
      const change = changes[String(json?.['user'])];
      if (change === undefined) return;
      if (response.isStream) response.chunks(change());
      else
        response.body((body) => {
          const transform = change();
          const [choice] = (body as { choices?: { message: { content: string } }[] }).choices ?? [];
          const part = {
            choices: [{ index: 0, delta: { content: choice?.message.content ?? '' }, finish_reason: null }],
          };
          const changed = transform.each(part as unknown as JsonObject);
          if (changed === part || changed instanceof Promise) return changed === part ? body : (changed as never);
          const text = (changed as Chunk).choices![0]!.delta.content!;
          return { ...body, choices: [{ ...choice, message: { ...choice!.message, content: text } }] } as JsonObject;
        });
    });
  },
};
/** Sees what the plugin before it made. */
const counter: Plugin = {
  name: 'counter',
  setup({ hooks }) {
    hooks.transformResponse.tap((response, { json }) => {
      if (json?.['user'] === 'twice')
        response.chunks({ each: (chunk) => ({ ...chunk, id: `${String(chunk['id'])}!` }) });
    });
  },
};

const rawStream =
  ': keep-alive\n\nid: 7\nevent: note\ndata: {"choices":[{"index":0,"delta":{"content":"grün"}}]}\n\n' +
  'data: {"choices":[{"index":0,\r\ndata: "delta":{"content":"ü"},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\n\n';

describe('an answer that plugins change', () => {
  let testServer: TestServer;
  let socket: TestSocket;
  const failures: LaminaEvent<'plugin.failed'>[] = [];
  // It writes a few bytes at a time: events and characters are cut anywhere.
  const engine = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream', etag: '"1"' });
    const bytes = Buffer.from(rawStream);
    const write = (from: number): void => {
      if (from >= bytes.length) return void response.end();
      response.write(bytes.subarray(from, from + 5), () => setImmediate(write, from + 5));
    };
    write(0);
  });

  before(async () => {
    await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(engine.address() as AddressInfo).port}/v1`;
    testServer = await startTestServer({
      entries: { far: attached },
      plugins: [remotePlugin(() => ({ baseUrl })), changer, counter],
    });
    testServer.lamina.events.on('plugin.failed', (event) => void failures.push(event));
    socket = await TestSocket.open(testServer.url);
  });
  beforeEach(() => void failures.splice(0));
  after(async () => {
    await testServer.close();
    await new Promise((resolve) => engine.close(resolve));
  });

  const post = (user: string, more: object = {}, route = 'chat/completions') =>
    testServer.post(`/v1/${route}`, chat('tiny', 'hi', { user, ...more }));
  const texts = (stream: string) =>
    [...stream.matchAll(/^data: (\{.*)$/gm)]
      .map(([, json]) => (JSON.parse(json!) as Chunk).choices?.[0]?.delta.content ?? '')
      .join('');
  let chats = 0;
  const overSocket = async (user: string) => {
    const id = `chat-${++chats}`;
    socket.send({ type: 'chat.start', id, request: chat('tiny', 'hi', { user }) as never });
    return socket.ended(id);
  };

  it('is changed everywhere, also where a word is split over chunks', async () => {
    const redacted = 'tiny: *** 3 4';
    const stream = await (await post('redact', { stream: true })).text();
    assert.equal(texts(stream), redacted);
    assert.match(stream, /data: \[DONE\]\n\n$/);
    const body = await post('redact');
    assert.equal(((await body.json()) as Body).choices[0]!.message.content, redacted);
    assert.equal((await overSocket('redact')).text, redacted);
    assert.equal(await testServer.lamina.chat(chat('tiny', 'hi', { user: 'redact' }) as never).text(), redacted);
  });

  it('has what was held back until the end', async () => {
    const cut = { user: 'redact', max_tokens: 2 };
    const stream = await (await post('redact', { stream: true, max_tokens: 2 })).text();
    assert.equal(texts(stream), 'tiny: 1');
    assert.match(stream, /" ?1".*\n\ndata: \[DONE\]\n\n$/);
    assert.equal(await testServer.lamina.chat(chat('tiny', 'hi', cut) as never).text(), 'tiny: 1');
  });

  it('passes the taps in their order, and may have more chunks than the engine sent', async () => {
    const plain = await (await post('nobody', { stream: true })).text();
    const twice = await (await post('twice', { stream: true })).text();
    const count = (text: string) => text.match(/^data: \{/gm)!.length;
    assert.equal(count(twice), 2 * count(plain));
    assert.ok([...twice.matchAll(/^data: (\{.*)$/gm)].every(([, json]) => json!.includes('"id":"fake-1!"')));
  });

  it('passes byte for byte where nothing changes it, comments and names and ids of events included', async () => {
    const response = await testServer.post('/v1/chat/completions', chat('far', 'hi', { user: 'same', stream: true }));
    assert.equal(await response.text(), rawStream);
    assert.equal(response.headers.get('etag'), null);
    const changed = await testServer.post('/v1/chat/completions', chat('far', 'hi', { user: 'twice', stream: true }));
    assert.match(await changed.text(), /^: keep-alive\n\nid: 7\ndata: \{.*grün.*\}\n\ndata: \{.*grün.*\}\n\n/);
    const body = await post('same');
    assert.equal(body.headers.get('content-length'), String((await body.arrayBuffer()).byteLength));
  });

  it('keeps the names of the events of Anthropic’s API', async () => {
    const stream = await (await post('shouting', { stream: true, max_tokens: 9 }, 'messages')).text();
    assert.match(stream, /event: content_block_delta\ndata: \{.*"text":"TINY:".*\}\n\n/);
    for (const event of stream.trim().split('\n\n')) {
      const [name, data] = event.split('\n');
      assert.equal(name, `event: ${(JSON.parse(data!.slice(6)) as { type: string }).type}`);
    }
  });

  it('that a plugin fails to change is an error that names the plugin, and not the engine', async () => {
    const failed = 'Plugin "changer" failed in transformResponse: x is not a function.';
    const body = await post('failing');
    assert.equal(body.status, 500);
    assert.deepEqual([(await errorOf(body)).code, failures[0]?.plugin], ['PLUGIN_FAILED', 'changer']);
    const stream = await post('failing', { stream: true });
    let text = '';
    await assert.rejects(async () => {
      for await (const part of stream.body!) text += Buffer.from(part as Uint8Array).toString();
    });
    assert.deepEqual(
      (JSON.parse(/data: (.*)/.exec(text)![1]!) as { error: { message: string } }).error.message,
      failed,
    );
    const { last } = await overSocket('failing');
    assert.ok(last.type === 'chat.error' && last.error.code === 'PLUGIN_FAILED' && last.error.message === failed);
    await assert.rejects(
      testServer.lamina.chat(chat('tiny', 'hi', { user: 'failing' }) as never).text(),
      (error) => LaminaError.is(error, 'PLUGIN_FAILED') && error.message === failed,
    );
    const promised = await errorOf(await post('promising'));
    assert.match(promised.message, /returned a promise/);
    const engineOf = await testServer.engine('tiny');
    assert.equal(engineOf.busy, 0);
  });

  it('can be refused before it begins', async () => {
    for (const more of [{}, { stream: true }]) {
      const response = await post('refusing', more);
      assert.deepEqual([response.status, (await errorOf(response)).message], [403, 'Not this one.']);
    }
    const { last } = await overSocket('refusing');
    assert.ok(last.type === 'chat.error' && last.error.code === 'FORBIDDEN');
  });
});

interface Body {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
}
