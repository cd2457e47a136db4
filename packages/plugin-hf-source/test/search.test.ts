// Searching the Hub: what is found can be downloaded, and what goes wrong is reported with what to do next.
import assert from 'node:assert/strict';
import type { FoundModel, Source } from '@lamina/core/plugin';
import { LaminaError } from '@lamina/core';
import { createTestLamina } from '@lamina/testing';
import { hfSource } from '../dist/index.js';
import { HubServer } from './hub-server.js';
import { contextFor, sourceOf, type Line } from './source-kit.js';

const gguf = { 'm-Q4_K_M.gguf': 'weights' };

describe('a search of the Hub', () => {
  let hub: HubServer;
  let source: Source;

  beforeEach(async () => {
    hub = await HubServer.open({
      'org/Tiny-GGUF': { files: gguf, downloads: 10, task: 'text-generation' },
      'other/tiny-chat-GGUF': { files: gguf, downloads: 2000, gated: 'manual' },
      'org/tiny-projector': { files: { 'mmproj-F16.gguf': 'eyes' }, downloads: 5000 },
      'org/tiny-off': { files: gguf, disabled: true, downloads: 5000 },
      'org/tiny;rm -rf': { files: gguf, downloads: 5000 },
      'org/tiny-weights': { files: { 'model.safetensors': 'weights' } },
      'org/large-GGUF': { files: gguf },
    });
    source = await sourceOf(hfSource({ endpoint: hub.url }));
  });
  afterEach(() => hub.close());

  const search = (text = 'tiny', limit = 10, lines: Line[] = []) => source.search!({ text, limit }, contextFor(lines));
  const names = (found: readonly FoundModel[]) => found.map(({ reference }) => reference);
  const error = async (from: Source = source): Promise<LaminaError> => {
    const thrown: unknown = await from.search!({ text: 'tiny', limit: 10 }, contextFor()).catch((one: unknown) => one);
    assert.ok(LaminaError.is(thrown), String(thrown));
    return thrown;
  };

  it('finds GGUF models that can be downloaded, the most downloaded first', async () => {
    const found = await search();
    const known = { likes: 3, updatedAt: '2026-01-31T12:00:00.000Z', formats: ['gguf'] };
    assert.deepEqual(found, [
      { reference: 'hf:other/tiny-chat-GGUF', downloads: 2000, gated: true, ...known },
      { reference: 'hf:org/Tiny-GGUF', description: 'text generation', downloads: 10, gated: false, ...known },
    ]);
    const query = new URL(hub.seen[0]!.url, hub.url).searchParams;
    assert.deepEqual(
      ['search', 'filter', 'sort', 'limit'].map((name) => query.get(name)),
      ['tiny', 'gguf', 'downloads', '20'],
    );
    const plan = await source.resolve(found[1]!.reference, contextFor());
    assert.equal(plan?.model.path, 'm-Q4_K_M.gguf');
  });

  it('reads no more pages than it needs, and asks only its own endpoint', async () => {
    for (let index = 0; index < 5; index++) hub.repositories.set(`org/big-${index}`, { files: gguf });
    hub.pageSize = 2;
    hub.linkBase = 'https://huggingface.co';
    assert.deepEqual(names(await search('big', 3)), ['hf:org/big-0', 'hf:org/big-1', 'hf:org/big-2']);
    assert.equal(hub.seen.length, 2);
  });

  it('finds nothing for an unknown name, and what is left out counts for nothing', async () => {
    assert.deepEqual(await search('nothing'), []);
    assert.deepEqual(await search('projector'), []);
  });

  it('uses the token, and goes on without it when the Hub does not accept it', async () => {
    const lines: Line[] = [];
    source = await sourceOf(hfSource({ endpoint: hub.url }), { HF_TOKEN: 'hf_test' });
    await search();
    assert.equal(hub.seen[0]!.authorization, 'Bearer hf_test');
    hub.on('/api/models', ({ headers }, response) => {
      if (headers.authorization === undefined) response.setHeader('content-type', 'application/json').end('[]');
      else response.writeHead(401, { 'x-error-message': 'Invalid credentials in Authorization header' }).end();
    });
    assert.deepEqual(await search('tiny', 10, lines), []);
    assert.match(lines[0]!.message, /does not accept this token/);
  });

  const refusals: [string, number, Record<string, string>, string, RegExp][] = [
    ['too many requests', 429, { 'retry-after': '5' }, 'SOURCE_UNREACHABLE', /Try again in 5 s/],
    ['a fault', 503, {}, 'SOURCE_UNREACHABLE', /status 503 to the search for "tiny"\. Try again later\.$/],
    ['a mirror without search', 404, {}, 'SOURCE_UNREACHABLE', /status 404 to the search .* Check HF_ENDPOINT\.$/],
    ['a mirror that requires a token', 401, {}, 'SOURCE_DENIED', /It requires a token: set HF_TOKEN\.$/],
  ];
  for (const [what, status, headers, code, message] of refusals)
    it(`reports ${what}`, async () => {
      hub.refuse('/api/models', status, headers);
      const { code: actual, message: text } = await error();
      assert.equal(actual, code);
      assert.match(text, message);
    });

  it('reports a response that is not a list, another site, and that the Hub must not be used', async () => {
    hub.refuse('/api/models', 200, { 'content-type': 'application/json' }, '{"a":1}');
    assert.match((await error()).message, /sent an unexpected response to the search\. Check HF_ENDPOINT/);
    hub.refuse('/api/models', 302, { location: 'https://login.example/' });
    assert.match((await error()).message, /redirects to login\.example instead of responding/);
    const offline = await sourceOf(hfSource({ endpoint: hub.url }), { HF_HUB_OFFLINE: '1' });
    assert.match((await error(offline)).message, /HF_HUB_OFFLINE is set, so the Hub cannot be used for the search/);
  });

  it('ends with its signal', async () => {
    const controller = new AbortController();
    hub.on('/api/models', () => controller.abort());
    const searching = source.search!({ text: 'tiny', limit: 1 }, contextFor([], controller.signal));
    await assert.rejects(searching, { code: 'ABORTED' });
  });

  it('is what Lamina returns, and over the network not for a private mirror', async () => {
    const lamina = await createTestLamina({ plugins: [hfSource({ endpoint: hub.url, adopt: false })], env: {} });
    try {
      const { models, failed } = await lamina.downloads.search('tiny', { limit: 1 });
      assert.deepEqual([names(models), failed], [['hf:other/tiny-chat-GGUF'], []]);
      await assert.rejects(lamina.downloads.search('tiny', { guard: 'public' }), { code: 'FORBIDDEN' });
    } finally {
      await lamina.close();
    }
  });
});
