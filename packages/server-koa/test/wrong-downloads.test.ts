// Requests for downloads that cannot succeed, over HTTP and WebSocket: they are refused with the reason before a byte of
// the model is requested, and leave nothing behind.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorCode } from '@lamina/core';
import { TestSocket } from './support/socket.js';
import { errorOf, inside, startTestServer, type TestServer } from './support/test-server.js';

const statuses: Partial<Record<ErrorCode, number>> = {
  REQUEST_INVALID: 400,
  FORBIDDEN: 403,
  SOURCE_DENIED: 403,
  MODEL_NOT_FOUND: 404,
  SOURCE_MODEL_NOT_FOUND: 404,
  CONFLICT: 409,
  SOURCE_UNREACHABLE: 502,
  DISK_FULL: 507,
};

/** A message without the place of the request, which is a body or a part of a frame. */
const withoutPlace = (message: string) => message.replace(/^The .* is invalid: "(request\.)?/, '"');

type Case = readonly [what: string, request: unknown, code: ErrorCode, message: RegExp];

/** `ORIGIN` is the address of the server with the files. */
const mistakes: readonly Case[] = [
  ['nothing', {}, 'REQUEST_INVALID', /Send either "model".*or "reference"/],
  ['a model and a reference', { model: 'far', reference: 'ORIGIN/far.gguf' }, 'REQUEST_INVALID', /Send either/],
  ['a model that is not a string', { model: 1 }, 'REQUEST_INVALID', /"model" must be string/],
  ['an unknown model', { model: 'nobody' }, 'MODEL_NOT_FOUND', /"nobody" was not found/],
  ['a model on disk', { model: 'tiny' }, 'CONFLICT', /"tiny" already exists/],
  ['a model without sources', { model: 'sourceless' }, 'REQUEST_INVALID', /"sourceless" has no "download"/],
  [
    'a source that the model does not have',
    { model: 'far', source: 'local' },
    'REQUEST_INVALID',
    /has no source "local"/,
  ],
  ['an unknown source', { reference: 'ORIGIN/far.gguf', source: 'nowhere' }, 'REQUEST_INVALID', /no source "nowhere"/],
  [
    'a source for other references',
    { reference: 'ORIGIN/far.gguf', source: 'local' },
    'REQUEST_INVALID',
    /No source supports/,
  ],
  ['a reference that is empty', { reference: '' }, 'REQUEST_INVALID', /No source supports/],
  ['a reference that is null', { reference: null }, 'REQUEST_INVALID', /No source supports/],
  ['a reference that is a list', { reference: [] }, 'REQUEST_INVALID', /No source supports/],
  ['a reference of no source', { reference: 'ftp://host/far.gguf' }, 'REQUEST_INVALID', /No source supports/],
  ['an invalid URL', { reference: 'http://[1/far.gguf' }, 'REQUEST_INVALID', /Invalid URL/],
  [
    'a URL with a password',
    { reference: 'http://me:secret@host/far.gguf' },
    'REQUEST_INVALID',
    /password is not allowed/,
  ],
  [
    'the URL of a file of another machine',
    { reference: 'file://host/far.gguf' },
    'REQUEST_INVALID',
    /"file:\/\/host\/far\.gguf" is not/,
  ],
  ['a path', { reference: '/etc/passwd' }, 'FORBIDDEN', /cannot name files of this machine/],
  ['a private address', { reference: 'http://10.0.0.1/far.gguf' }, 'FORBIDDEN', /10\.0\.0\.1 is an address/],
  ...['../far.gguf', '/etc/far.gguf', 'a/../../far.gguf', 'nul', `${'x'.repeat(300)}.gguf`].map((filename): Case => [
    `the file name ${filename.slice(0, 20)}`,
    { reference: { url: 'ORIGIN/far.gguf', filename } },
    'REQUEST_INVALID',
    /is not allowed as a file name/,
  ]),
  [
    'a SHA-256 that is not one',
    { reference: { url: 'ORIGIN/far.gguf', sha256: 'abc' } },
    'REQUEST_INVALID',
    /"sha256"/,
  ],
  [
    'an unknown key',
    { reference: { url: 'ORIGIN/far.gguf', sha: 'abc' } },
    'REQUEST_INVALID',
    /"sha" is not known here/,
  ],
  ...['', '../x', '/etc/x', 'a\\b', 'com1', 'x'.repeat(300), '.hidden'].map((name): Case => [
    `the name "${name.slice(0, 20)}"`,
    { reference: 'ORIGIN/far.gguf', name },
    'REQUEST_INVALID',
    /is not allowed as a model name/,
  ]),
];

/** What only the source or the disk shows; the first byte of the file is requested for it. */
const impossible: readonly Case[] = [
  [
    'a model that the source does not have',
    { reference: 'ORIGIN/404.gguf?key=secret' },
    'SOURCE_MODEL_NOT_FOUND',
    /^The source url has no model "http:\S+\/404\.gguf"\. \S+ responded with status 404\. Check the URL\.$/,
  ],
  ['a model that is gone', { reference: 'ORIGIN/410.gguf' }, 'SOURCE_MODEL_NOT_FOUND', /status 410/],
  [
    'a model of the manifest that its source does not have',
    { model: 'gone' },
    'SOURCE_MODEL_NOT_FOUND',
    /The source local has no model "\/nowhere\/gone\.gguf"/,
  ],
  ['a model without access', { reference: 'ORIGIN/403.gguf' }, 'SOURCE_DENIED', /access is denied/],
  ['an empty file', { reference: 'ORIGIN/0.gguf' }, 'SOURCE_UNREACHABLE', /^0\.gguf is empty at the source url/],
  ['a name that exists', { reference: 'ORIGIN/far.gguf', name: 'tiny' }, 'CONFLICT', /"tiny" already exists/],
  ['a file that exists', { reference: 'ORIGIN/far.gguf', name: 'mine' }, 'CONFLICT', /mine\/far\.gguf already exists/],
  [
    'a directory that is a file',
    { reference: 'ORIGIN/far.gguf', name: 'model.fake' },
    'CONFLICT',
    /model\.fake is a file/,
  ],
  ['a file that is larger than the disk', { reference: 'ORIGIN/large.gguf' }, 'DISK_FULL', /GB more is needed/],
];

describe('a download that cannot succeed', () => {
  let testServer: TestServer;
  let socket: TestSocket;
  let files: Server;
  let origin: string;
  let requested: number;

  before(async () => {
    files = createServer(({ url = '' }, response) => {
      requested += 1;
      const [, status] = /^\/(4\d\d)/.exec(url) ?? [];
      if (status !== undefined) return void response.writeHead(Number(status)).end();
      if (url.startsWith('/0.')) return void response.writeHead(200, { 'content-length': 0 }).end();
      const size = url.startsWith('/large') ? 9e15 : 100;
      response.writeHead(206, { 'content-length': 1, 'content-range': `bytes 0-0/${size}` }).end('G');
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    testServer = await startTestServer({
      entries: {
        far: { path: 'far.gguf', backend: 'fake', download: { url: `${origin}/far.gguf` } },
        gone: { path: 'gone.gguf', backend: 'fake', download: { local: '/nowhere/gone.gguf' } },
        sourceless: { path: 'sourceless.gguf', backend: 'fake' },
      },
    });
    mkdirSync(inside(testServer, 'mine'));
    writeFileSync(inside(testServer, 'mine/far.gguf'), 'another file');
    socket = await TestSocket.open(testServer.url);
  });
  beforeEach(() => (requested = 0));
  after(async () => {
    await socket.close();
    await testServer.close();
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
  });

  const check = async ([what, wanted, code, message]: Case) => {
    const before = readdirSync(testServer.modelsDir, { recursive: true });
    const request = JSON.parse(JSON.stringify(wanted).replaceAll('ORIGIN', origin)) as object;
    const response = await testServer.post('/download', request);
    const error = await errorOf(response);
    assert.deepEqual([response.status, error.code], [statuses[code], code], error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /secret/);
    socket.send({ type: 'download.start', id: what, request });
    const { error: sent } = await socket.next('error', ({ id }) => id === what);
    assert.deepEqual([sent.code, withoutPlace(sent.message)], [code, withoutPlace(error.message)]);
    assert.deepEqual(testServer.lamina.downloads.list(), []);
    assert.deepEqual(
      readdirSync(testServer.modelsDir, { recursive: true }).filter((path) => path !== '.downloads'),
      before.filter((path) => path !== '.downloads'),
    );
  };

  for (const mistake of mistakes)
    it(`because of a mistake in the request is refused without a request to the source: ${mistake[0]}`, async () => {
      await check(mistake);
      assert.equal(requested, 0);
    });
  for (const wrong of impossible)
    it(`is refused before the file is requested: ${wrong[0]}`, async () => {
      await check(wrong);
      assert.ok(requested <= 2, `${requested} requests`); // One by HTTP, one by WebSocket, for the first byte.
    });
});
