// Bodies that are compressed, begin with a byte order mark, or come over HTTP/1.0, and the bytes that an engine gets.
import assert from 'node:assert/strict';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Plugin } from '@lamina/core';
import { definePlugin, type RequestAdapter } from '@lamina/core/plugin';
import { attached, chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';
import { raw, dial, readAll } from './support/raw.js';
import { openRemote, remotePlugin, type Remote } from './support/remote.js';
import { TestSocket } from './support/socket.js';

const bodyLimit = 100_000;
const path = '/v1/chat/completions';

interface Extras {
  readonly adapt?: RequestAdapter;
  readonly plugins?: readonly Plugin[];
}

describe('a request body', () => {
  let remote: Remote;
  let testServer: TestServer;
  let received: Buffer;

  const open = async (ids: Readonly<Record<string, string>> = {}, { adapt, plugins = [] }: Extras = {}) => {
    remote = await openRemote((request, response) => {
      assert.equal(request.headers['content-encoding'], undefined);
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        received = Buffer.concat(pieces);
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"choices":[]}\n\n');
        response.end('data: [DONE]\n\n');
      });
    });
    testServer = await startTestServer({
      models: {},
      entries: { far: attached },
      plugins: [
        ...plugins,
        remotePlugin(() => ({ baseUrl: `${remote.url}/v1` }), { info: { ids }, ...(adapt && { adapt }) }),
      ],
      server: { bodyLimit },
    });
  };

  const send = (body: Buffer, encoding: string, to = path) =>
    fetch(testServer.url + to, { method: 'POST', body, headers: { 'content-encoding': encoding } });

  afterEach(async () => {
    await testServer.close();
    await remote.close();
  });

  const json = Buffer.from(JSON.stringify(chat('far', 'x'.repeat(bodyLimit / 2))));
  const compressed: [string, Buffer][] = [
    ['gzip', gzipSync(json)],
    ['x-gzip', gzipSync(json)],
    ['GZip', gzipSync(json)],
    ['deflate', deflateSync(json)],
    ['br', brotliCompressSync(json)],
  ];
  for (const [encoding, body] of compressed) {
    it(`compressed as ${encoding} is decompressed for the engine`, async () => {
      await open();
      const answer = await send(body, encoding);
      assert.equal(answer.status, 200, await answer.text());
      assert.ok(received.equals(json));
    });

    it(`compressed as ${encoding} that is damaged or incomplete is refused with the reason`, async () => {
      await open();
      for (const damaged of [json, body.subarray(0, body.length - 5), Buffer.alloc(0)]) {
        const answer = await send(damaged, encoding);
        assert.equal(answer.status, 400);
        assert.match((await errorOf(answer)).message, /^The body (is not valid|has no|is not JSON)/);
      }
    });
  }

  it('that is compressed is limited by its size after decompression', async () => {
    await open();
    const bomb = Buffer.from(JSON.stringify(chat('far', 'x'.repeat(50_000_000))));
    for (const body of [gzipSync(bomb), gzipSync(Buffer.concat([json, json, json]))]) {
      const answer = await send(body, 'gzip');
      assert.equal(answer.status, 413);
      assert.deepEqual((await errorOf(answer)).details, { limit_bytes: bodyLimit });
    }
  });

  it('that is compressed is read on every route that has one', async () => {
    await open();
    const answer = await send(gzipSync('{"models":["far"]}'), 'gzip', '/models/validate');
    assert.equal(answer.status, 200, await answer.text());
    assert.equal((await send(gzipSync('{"models":7}'), 'gzip', '/models/validate')).status, 400);
  });

  it('in another encoding is refused with 415, and the accepted ones are named', async () => {
    await open();
    for (const to of [path, '/chat/far', '/suggest', '/v1/anything']) {
      for (const encoding of ['zstd', 'gzip, gzip', 'constructor']) {
        const answer = await send(json, encoding, to);
        assert.equal(answer.status, 415, to);
        assert.equal(answer.headers.get('accept-encoding'), 'gzip, deflate, br');
        assert.equal(answer.headers.get('x-should-retry'), 'false');
        const { code, message } = await errorOf(answer);
        assert.equal(code, 'ENCODING_NOT_SUPPORTED');
        assert.ok(message.includes(`"${encoding}"`) && message.includes('gzip, deflate, br'), message);
      }
    }
  });

  it('with an encoding that changes nothing is read, in any case', async () => {
    await open();
    for (const encoding of ['identity', 'Identity', ' IDENTITY ', ''])
      assert.equal((await send(json, encoding)).status, 200, encoding);
  });

  it('that begins with a byte order mark is read, and the engine gets it without', async () => {
    await open();
    const marked = Buffer.concat([Buffer.from('\ufeff'), json]);
    for (const body of [marked, gzipSync(marked)]) {
      const answer = await send(body, body === marked ? 'identity' : 'gzip');
      assert.equal(answer.status, 200, await answer.text());
      assert.ok(received.equals(json));
    }
    const list = Buffer.from('\ufeff{"models":["far"]}');
    assert.equal((await send(list, 'identity', '/models/validate')).status, 200);
    const socket = await TestSocket.open(testServer.url);
    socket.ws.send(
      '\ufeff{"type":"chat.start","id":"1","request":{"model":"far","messages":[{"role":"user","content":"hi"}]}}',
    );
    assert.equal((await socket.next('chat.accepted')).id, '1');
    socket.ws.terminate();
  });

  it('over HTTP/1.0 is answered without chunks, also as a stream and without a host', async () => {
    await open();
    const body = JSON.stringify(chat('far', 'hi', { stream: true }));
    for (const headers of ['', 'Host: localhost\r\n']) {
      const request = `POST ${path} HTTP/1.0\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
      const answer = await raw(testServer.url, request);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['transfer-encoding'], undefined);
      assert.equal(answer.body, 'data: {"choices":[]}\n\ndata: [DONE]\n\n');
      const list = await raw(testServer.url, `GET /v1/models HTTP/1.0\r\n${headers}\r\n`);
      assert.equal(list.headers['transfer-encoding'], undefined);
      assert.equal((JSON.parse(list.body) as { object: string }).object, 'list');
    }
    const kept = dial(testServer.url);
    const answers = readAll(kept);
    kept.write('GET /v1/models HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    kept.write('GET /v1/models HTTP/1.0\r\n\r\n');
    assert.equal((await answers).match(/HTTP\/1.1 200/g)?.length, 2);
  });

  /** Numbers that JavaScript has no exact value for, and texts that look like the model. */
  const odd = String.raw`"seed": 9007199254740993,"x":[1e400,-0,1.0,{"model":"far"}] , "y":"\"model\":\"far\"\u00e9é"`;
  const hi = '[{"role":"user","content":"hi"}]';
  const renamed: readonly [string, string, string?][] = [
    [`{"model":"far","messages":${hi},${odd}}`, `{"model":"there","messages":${hi},${odd}}`],
    [`{ ${odd}, "messages" : ${hi} , "model" : "far" }`, `{ ${odd}, "messages" : ${hi} , "model" :"there"}`],
    [`{"mod\\u0065l":"far","messages":${hi},${odd}}`, `{"mod\\u0065l":"there","messages":${hi},${odd}}`],
    [
      `{"model":"a","messages":${hi},${odd},"model":"far"}`,
      `{"model":"there","messages":${hi},${odd},"model":"there"}`,
    ],
    [`{"messages":${hi},${odd}}`, `{"model":"there","messages":${hi},${odd}}`, '/chat/far'],
    [`{"messages":${hi},"model":{"far":[1,2]},${odd}}`, `{"messages":${hi},"model":"there",${odd}}`, '/chat/far'],
  ];

  it('changes only in its member "model" when the engine knows the model by another id', async () => {
    await open({ far: 'there' });
    for (const [body, expected, to = path] of renamed) {
      const answer = await testServer.post(to, body);
      assert.equal(answer.status, 200, await answer.text());
      assert.equal(received.toString(), expected);
    }
  });

  it('reaches the engine byte for byte when it names the model as the engine does', async () => {
    await open();
    const body = ` {"model" :"far", "messages": ${hi},${odd}}\n`;
    assert.equal((await testServer.post(path, body)).status, 200);
    assert.equal(received.toString(), body);
    await testServer.post('/chat/far', `{"messages":${hi},${odd}}`);
    assert.equal(received.toString(), `{"model":"far","messages":${hi},${odd}}`);
  });

  it('shows the model to hooks and adapters, also where only the path names it', async () => {
    const seen: unknown[] = [];
    const tapping = definePlugin({
      name: 'tapping',
      setup: ({ hooks }) => hooks.beforeRequest.tap(({ json: parsed }) => void seen.push(parsed?.['model'])),
    });
    const adapt: RequestAdapter = { request: (body) => (seen.push(body['model']), body) };
    await open({}, { adapt, plugins: [tapping()] });
    assert.equal((await testServer.post('/chat/far', `{"messages":${hi},${odd}}`)).status, 200);
    assert.deepEqual(seen, ['far', 'far']);
    assert.equal(received.toString(), `{"model":"far","messages":${hi},${odd}}`);
  });
});
