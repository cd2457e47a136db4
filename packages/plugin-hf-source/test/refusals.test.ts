import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source } from '@lamina/core/plugin';
import { hfSource } from '../dist/index.js';
import { commit, HubServer } from './hub-server.js';
import { contextFor, sourceOf, type Line } from './source-kit.js';

const info = '/api/models/org/name/revision/main';
const file = `/org/name/resolve/${commit}/m.gguf`;

describe('an error of the Hub', () => {
  let hub: HubServer;
  let open: Source;
  let known: Source;

  beforeEach(async () => {
    hub = await HubServer.open({
      'org/name': { files: { 'm.gguf': 'weights' } },
      'org/gated': { gated: 'manual', files: { 'm.gguf': 'weights' } },
      'org/off': { disabled: true, files: {} },
    });
    open = await sourceOf(hfSource({ endpoint: hub.url }));
    known = await sourceOf(hfSource({ endpoint: hub.url }), { HF_TOKEN: 'hf_test' });
  });
  afterEach(() => hub.close());

  const refusals: [string, number, Record<string, string>, string, { code: string; open?: RegExp; known?: RegExp }][] =
    [
      [
        'a model that does not exist, or is private',
        401,
        { 'x-error-code': 'RepoNotFound' },
        '',
        {
          code: 'SOURCE_MODEL_NOT_FOUND',
          open: /The source huggingface has no model "org\/name"\..* or it is private\. Check the name; if it is private, set HF_TOKEN/,
        },
      ],
      [
        'the same, without a code',
        401,
        { 'content-type': 'application/json' },
        '{"error":"Invalid username or password."}',
        { code: 'SOURCE_MODEL_NOT_FOUND', open: /or it is private/ },
      ],
      [
        'a model that this token cannot access',
        404,
        { 'x-error-code': 'RepoNotFound' },
        '',
        {
          code: 'SOURCE_MODEL_NOT_FOUND',
          known: /and the token from the environment variable HF_TOKEN cannot read it/,
        },
      ],
      [
        'a missing revision',
        404,
        { 'x-error-code': 'RevisionNotFound' },
        '',
        { code: 'SOURCE_MODEL_NOT_FOUND', open: /has no branch, tag or commit "main"/ },
      ],
      [
        'a model that is disabled',
        403,
        { 'x-error-message': 'Access to this resource is disabled.' },
        '',
        { code: 'SOURCE_DENIED', open: /disabled on the Hub.*another model/ },
      ],
      [
        'a token without permission',
        403,
        { 'content-type': 'application/json' },
        '{"error":"no scope"}',
        { code: 'SOURCE_DENIED', known: /has no read access to org\/name \(no scope\)\. A fine-grained token needs/ },
      ],
      ['a request without a token', 403, {}, '', { code: 'SOURCE_DENIED', open: /requires a token.*Set HF_TOKEN/ }],
      [
        'too many requests',
        429,
        { ratelimit: '"api";r=0;t=123', 'retry-after': '5' },
        '',
        {
          code: 'SOURCE_UNREACHABLE',
          open: /the limit is higher with a token \(HF_TOKEN\)\. Try again in 124 s/,
          known: /requests of this account\. Try again in 124 s/,
        },
      ],
      [
        'too many requests, by Retry-After',
        429,
        { 'retry-after': '300', ratelimit: '"api";r=0;t=2' },
        '',
        { code: 'SOURCE_UNREACHABLE', open: /in 300 s/ },
      ],
      [
        'an internal error of the Hub',
        503,
        {},
        '',
        { code: 'SOURCE_UNREACHABLE', open: /status 503 for org\/name\. Try again later/ },
      ],
      [
        'an unexpected status',
        418,
        { 'content-type': 'application/json' },
        '{"error":"a teapot"}',
        { code: 'SOURCE_UNREACHABLE', open: /status 418 \(a teapot\)/ },
      ],
    ];
  for (const [what, status, headers, body, { code, open: without, known: by }] of refusals) {
    it(`has a message of its own: ${what}`, async () => {
      hub.refuse(info, status, headers, body);
      if (without !== undefined)
        await assert.rejects(open.resolve('org/name', contextFor()), { code, message: without });
      if (by !== undefined) await assert.rejects(known.resolve('org/name', contextFor()), { code, message: by });
    });
  }

  it('contains the seconds to wait, for clients that retry', async () => {
    hub.refuse(info, 429, { ratelimit: '"api";r=0;t=9' });
    await assert.rejects(
      open.resolve('org/name', contextFor()),
      (error: { details?: Record<string, unknown> }) => error.details?.['retry_after'] === 10,
    );
    hub.refuse(info, 429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    await assert.rejects(
      open.resolve('org/name', contextFor()),
      (error: { details?: Record<string, unknown> }) => Number(error.details?.['retry_after']) > 50,
    );
  });

  it('is detected for a gated model before the download starts, although its file listing is public', async () => {
    const path = `/org/gated/resolve/${commit}/m.gguf`;
    hub.refuse(path, 401, {
      'x-error-code': 'GatedRepo',
      'x-error-message': 'Access to model org/gated is restricted.',
    });
    await assert.rejects(open.resolve('org/gated', contextFor()), {
      code: 'SOURCE_DENIED',
      message: /is gated: accept its terms at http.*\/org\/gated, create a token at .* and set HF_TOKEN/,
    });
    await assert.rejects(known.resolve('org/gated', contextFor()), {
      code: 'SOURCE_DENIED',
      message: /the token from the environment variable HF_TOKEN is not valid/,
    });
    hub.refuse(path, 403, { 'x-error-code': 'GatedRepo', 'x-error-message': 'not in the authorized list' });
    await assert.rejects(known.resolve('org/gated', contextFor()), {
      code: 'SOURCE_DENIED',
      message: /has no access to org\/gated\. Request access at .*waiting for review/,
    });
  });

  it('does not block users with access to a gated model', async () => {
    assert.equal((await known.resolve('org/gated', contextFor()))?.files.length, 1);
  });

  it('is reported for a model that is disabled according to its page', () =>
    assert.rejects(open.resolve('org/off', contextFor()), { code: 'SOURCE_DENIED', message: /org\/off is disabled/ }));

  it('is reported when it occurs late, at the file', async () => {
    const plan = (await open.resolve('org/name', contextFor()))!;
    hub.refuse(file, 404, { 'x-error-code': 'EntryNotFound' });
    await assert.rejects(open.locate(plan.files[0]!, plan, contextFor()), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /has no file "m\.gguf" at 0123456789ab/,
    });
    hub.refuse(file, 429, { ratelimit: '"resolvers";r=0;t=87' });
    await assert.rejects(open.locate(plan.files[0]!, plan, contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /in 88 s/,
    });
  });

  it('is retried without an invalid token for a public model, with a warning', async () => {
    hub.on('', (request, response) => {
      if (request.headers.authorization !== undefined)
        return void response.writeHead(401, { 'x-error-message': 'Invalid credentials in Authorization header' }).end();
      const body = request.url!.includes('/tree/') ? [] : { _id: '1', id: 'org/name', sha: commit, gated: false };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    const lines: Line[] = [];
    await assert.rejects(known.resolve('org/name', contextFor(lines)), { code: 'SOURCE_MODEL_NOT_FOUND' }); // It is empty, so it was read.
    assert.match(lines[0]?.message ?? '', /does not accept this token; public models are available without it/);
  });

  it('is reported for the token when one is required', async () => {
    hub.on(
      '',
      (request, response) =>
        void response
          .writeHead(
            401,
            request.headers.authorization === undefined
              ? { 'x-error-code': 'RepoNotFound' }
              : { 'x-error-message': 'Invalid credentials in Authorization header' },
          )
          .end(),
    );
    await assert.rejects(known.resolve('org/name', contextFor()), {
      code: 'SOURCE_DENIED',
      message: /does not accept the token from the environment variable HF_TOKEN: it is wrong or has expired/,
    });
  });

  for (const [what, token] of [
    ['a line break', 'hf_first\nhf_second'],
    ['a space', 'hf_first hf_second'],
    ['a letter that is not ASCII', 'hf_firstß'],
    ['a control character', 'hf_first\u0000'],
  ] as const)
    it(`names where the token comes from when it contains ${what}, and not the token`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'lamina-token-'));
      await writeFile(join(folder, 'token'), token);
      const sources: [string, Source][] = [
        ['the environment variable HF_TOKEN', await sourceOf(hfSource({ endpoint: hub.url }), { HF_TOKEN: token })],
        [
          'the environment variable HUGGING_FACE_HUB_TOKEN',
          await sourceOf(hfSource({ endpoint: hub.url }), { HUGGING_FACE_HUB_TOKEN: token }),
        ],
        [
          `the file ${join(folder, 'token')}`,
          await sourceOf(hfSource({ endpoint: hub.url }), { HF_TOKEN_PATH: join(folder, 'token') }),
        ],
        ["the plugin's option `token`", await sourceOf(hfSource({ endpoint: hub.url, token }))],
      ];
      for (const [from, source] of sources)
        await assert.rejects(
          source.resolve('org/name', contextFor()),
          ({ code, message }: { code: string; message: string }) => {
            assert.equal(code, 'SOURCE_DENIED');
            assert.match(message, /^The token from .* contains a space, a line break or another character/);
            assert.ok(message.includes(from) && !message.includes('hf_first'), message);
            return true;
          },
        );
      assert.equal(hub.seen.length, 0);
      await rm(folder, { recursive: true });
    });

  for (const [what, size, oid, message] of [
    ['a negative size', -1, '0'.repeat(64), /m\.gguf has the size -1/],
    ['a size that is no number', 'big', '0'.repeat(64), /m\.gguf has the size big/],
    ['a SHA-256 that is not one', 7, 'abc', /m\.gguf has a SHA-256 that is not one/],
  ] as const)
    it(`is reported before a file is requested for ${what} in the file list`, async () => {
      hub.on(`/api/models/org/name/tree/${commit}`, (_, response) => {
        const entry = { type: 'file', oid: '1', size, path: 'm.gguf', lfs: { oid, size, pointerSize: 134 } };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify([entry]));
      });
      await assert.rejects(open.resolve('org/name', contextFor()), { code: 'SOURCE_UNREACHABLE', message });
      assert.ok(hub.seen.every(({ url }) => !url.includes('/resolve/')));
    });

  it('may be a failed connection', async () => {
    const { url } = hub;
    await hub.close();
    await assert.rejects((await sourceOf(hfSource({ endpoint: url }))).resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /cannot be reached for org\/name: connection refused/,
    });
    hub = await HubServer.open();
  });

  it('may come from another server: a login page of a network, or other JSON', async () => {
    hub.on(
      info,
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>'),
    );
    await assert.rejects(open.resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /sent an unexpected response.*Check HF_ENDPOINT/,
    });
    hub.on(
      info,
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"sha":"main"}'),
    );
    await assert.rejects(open.resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /sent an unexpected response/,
    });
    hub.refuse(info, 302, { location: `${hub.cdnUrl}/login` });
    await assert.rejects(open.resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /redirects to 127\.0\.0\.1:\d+ instead of responding\. Log in/,
    });
    assert.equal(hub.seenByCdn.length, 0);
  });

  it('ends at once when the signal is aborted', async () => {
    const caller = new AbortController();
    hub.on(info, () => caller.abort());
    await assert.rejects(open.resolve('org/name', contextFor([], caller.signal)), { code: 'ABORTED' });
  });

  it('is returned for every request when offline', async () => {
    const source = await sourceOf(hfSource({ endpoint: hub.url }), { HF_HUB_OFFLINE: '1' });
    await assert.rejects(source.resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /HF_HUB_OFFLINE is set/,
    });
    assert.equal(hub.seen.length, 0);
  });
});
