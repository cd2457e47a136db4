import assert from 'node:assert/strict';
import type { Source } from '@lamina/core/plugin';
import { hfSource } from '../dist/index.js';
import { commit, HubServer } from './hub-server.js';
import { contextFor, sourceOf, type Line } from './source-kit.js';

const info = '/api/models/org/name/revision/main';
const file = `/org/name/resolve/${commit}/m.gguf`;

describe('what the Hub refuses', () => {
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
        'a model that is not there, or private',
        401,
        { 'x-error-code': 'RepoNotFound' },
        '',
        {
          code: 'SOURCE_DENIED',
          open: /has no model org\/name, or it is private\. Check the name; if it is private, set HF_TOKEN/,
        },
      ],
      [
        'the same, without a code',
        401,
        { 'content-type': 'application/json' },
        '{"error":"Invalid username or password."}',
        { code: 'SOURCE_DENIED', open: /or it is private/ },
      ],
      [
        'a model that is not there for this token',
        404,
        { 'x-error-code': 'RepoNotFound' },
        '',
        { code: 'MODEL_NOT_FOUND', known: /that the token from the environment variable HF_TOKEN can read/ },
      ],
      [
        'a revision that is not there',
        404,
        { 'x-error-code': 'RevisionNotFound' },
        '',
        { code: 'MODEL_NOT_FOUND', open: /has no branch, tag or commit "main"/ },
      ],
      [
        'a model that is disabled',
        403,
        { 'x-error-message': 'Access to this resource is disabled.' },
        '',
        { code: 'SOURCE_DENIED', open: /disabled on the Hub.*another model/ },
      ],
      [
        'a token without the right',
        403,
        { 'content-type': 'application/json' },
        '{"error":"no scope"}',
        { code: 'SOURCE_DENIED', known: /has no read access to org\/name \(no scope\)\. A fine-grained token needs/ },
      ],
      ['somebody without a token', 403, {}, '', { code: 'SOURCE_DENIED', open: /requires a token.*Set HF_TOKEN/ }],
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
        'a fault of its own',
        503,
        {},
        '',
        { code: 'SOURCE_UNREACHABLE', open: /status 503 for org\/name\. Try again later/ },
      ],
      [
        'what nobody foresaw',
        418,
        { 'content-type': 'application/json' },
        '{"error":"a teapot"}',
        { code: 'SOURCE_UNREACHABLE', open: /status 418 \(a teapot\)/ },
      ],
    ];
  for (const [what, status, headers, body, { code, open: without, known: by }] of refusals) {
    it(`is told in a sentence of its own: ${what}`, async () => {
      hub.refuse(info, status, headers, body);
      if (without !== undefined)
        await assert.rejects(open.resolve('org/name', contextFor()), { code, message: without });
      if (by !== undefined) await assert.rejects(known.resolve('org/name', contextFor()), { code, message: by });
    });
  }

  it('carries the seconds to wait, for those who try again by themselves', async () => {
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

  it('is known of a gated model before the download begins, though its list of files is open to all', async () => {
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

  it('does not keep a gated model from those who may have it', async () => {
    assert.equal((await known.resolve('org/gated', contextFor()))?.files.length, 1);
  });

  it('is told of a model that its own page says is disabled', () =>
    assert.rejects(open.resolve('org/off', contextFor()), { code: 'SOURCE_DENIED', message: /org\/off is disabled/ }));

  it('is told when it comes late, at the file', async () => {
    const plan = (await open.resolve('org/name', contextFor()))!;
    hub.refuse(file, 404, { 'x-error-code': 'EntryNotFound' });
    await assert.rejects(open.locate(plan.files[0]!, plan, contextFor()), {
      code: 'MODEL_NOT_FOUND',
      message: /has no file "m\.gguf" at 0123456789ab/,
    });
    hub.refuse(file, 429, { ratelimit: '"resolvers";r=0;t=87' });
    await assert.rejects(open.locate(plan.files[0]!, plan, contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /in 88 s/,
    });
  });

  it('goes on without a token that is wrong, where all may have the model, and says so', async () => {
    hub.on('', (request, response) => {
      if (request.headers.authorization !== undefined)
        return void response.writeHead(401, { 'x-error-message': 'Invalid credentials in Authorization header' }).end();
      const body = request.url!.includes('/tree/') ? [] : { _id: '1', id: 'org/name', sha: commit, gated: false };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    const lines: Line[] = [];
    await assert.rejects(known.resolve('org/name', contextFor(lines)), { code: 'MODEL_NOT_FOUND' }); // It is empty, so it was read.
    assert.match(lines[0]?.message ?? '', /does not accept this token; public models are downloaded without it/);
  });

  it('is the token itself, where it would be needed', async () => {
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

  it('may be nothing at all: no connection', async () => {
    const { url } = hub;
    await hub.close();
    await assert.rejects((await sourceOf(hfSource({ endpoint: url }))).resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /cannot be reached for org\/name: connection refused/,
    });
    hub = await HubServer.open();
  });

  it('may be somebody else who answers: a page of a network, or other JSON', async () => {
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

  it('ends at once when the answer is no longer wanted', async () => {
    const leaving = new AbortController();
    hub.on(info, () => leaving.abort());
    await assert.rejects(open.resolve('org/name', contextFor([], leaving.signal)), { code: 'ABORTED' });
  });

  it('is everything, offline', async () => {
    const source = await sourceOf(hfSource({ endpoint: hub.url }), { HF_HUB_OFFLINE: '1' });
    await assert.rejects(source.resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /HF_HUB_OFFLINE is set/,
    });
    assert.equal(hub.seen.length, 0);
  });
});
