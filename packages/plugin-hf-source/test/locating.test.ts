import assert from 'node:assert/strict';
import type { DownloadPlan, Location, Source } from '@lamina/core/plugin';
import { hfSource } from '../dist/index.js';
import { commit, HubServer } from './hub-server.js';
import { contextFor, sourceOf, type Line } from './source-kit.js';

const files = {
  'a/m-Q4_K_M.gguf': 'the weights',
  'config.json': { content: '{}', small: true },
  'model.safetensors': 'tensors',
};

describe('the location of a file of the Hub', () => {
  let hub: HubServer;
  beforeEach(async () => (hub = await HubServer.open({ 'org/name': { files } })));
  afterEach(() => hub.close());

  async function locate(
    source: Source,
    reference: string | object = 'org/name',
    index = 0,
  ): Promise<{ location: Location; plan: DownloadPlan }> {
    const plan = (await source.resolve(reference as string, contextFor()))!;
    return { plan, location: await source.locate(plan.files[index]!, plan, contextFor()) };
  }

  it('is a signed URL on another host, which does not get the token', async () => {
    const source = await sourceOf(hfSource({ endpoint: hub.url, token: 'hf_secret' }));
    const { location, plan } = await locate(source);
    assert.ok(location.url.startsWith(`${hub.cdnUrl}/org/name/`));
    assert.deepEqual(location.headers, undefined);
    assert.equal(location.expiresAt, 4_102_444_800_000);
    const response = await fetch(location.url, { headers: { range: 'bytes=4-', connection: 'close' } });
    assert.equal(await response.text(), 'weights');
    assert.ok(hub.seen.every(({ authorization }) => authorization === 'Bearer hf_secret'));
    assert.ok(hub.seenByCdn.every(({ authorization }) => authorization === undefined));
    assert.doesNotMatch(JSON.stringify(plan), /hf_secret|Signature|http/);
  });

  it('is requested for one byte, with an encoded path, at the pinned commit', async () => {
    hub.repositories.set('org/name', { files: { 'odd dir/m #1+?%-Q8_0.gguf': 'odd' } });
    const { location } = await locate(await sourceOf(hfSource({ endpoint: hub.url })));
    const request = hub.seen.at(-1)!;
    assert.deepEqual(
      [request.method, request.range, request.url],
      ['GET', 'bytes=0-0', `/org/name/resolve/${commit}/odd%20dir/m%20%231%2B%3F%25-Q8_0.gguf`],
    );
    assert.equal(await (await fetch(location.url, { headers: { connection: 'close' } })).text(), 'odd');
  });

  it('is the Hub itself for small files, which gets the token', async () => {
    const source = await sourceOf(hfSource({ endpoint: hub.url, token: 'hf_secret' }));
    const { location } = await locate(source, { repo_id: 'org/name', filename: 'model.safetensors' }, 1);
    assert.deepEqual(location, {
      url: `${hub.url}/org/name/resolve/${commit}/config.json`,
      headers: { authorization: 'Bearer hf_secret' },
    });
  });

  it('is followed within the Hub, which caches small files there', async () => {
    hub.refuse(`/org/name/resolve/${commit}/config.json`, 307, {
      location: '/api/resolve-cache/models/org/name/config.json',
    });
    hub.on('/api/resolve-cache/models/org/name/config.json', (_, response) => void response.end('{}'));
    const { location } = await locate(
      await sourceOf(hfSource({ endpoint: hub.url })),
      { repo_id: 'org/name', filename: 'model.safetensors' },
      1,
    );
    assert.equal(location.url, `${hub.url}/api/resolve-cache/models/org/name/config.json`);
  });

  it('is an error in a redirect loop', async () => {
    const source = await sourceOf(hfSource({ endpoint: hub.url }));
    hub.refuse('', 307, { location: '/again' });
    await assert.rejects(source.resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /redirects in a loop/,
    });
  });

  it('is rejected when the Hub announces other bytes than its listing', async () => {
    const source = await sourceOf(hfSource({ endpoint: hub.url }));
    const path = `/org/name/resolve/${commit}/a/m-Q4_K_M.gguf`;
    hub.refuse(path, 302, { location: `${hub.cdnUrl}/x`, 'x-linked-size': '7', 'x-linked-etag': '"etag"' });
    await assert.rejects(locate(source), {
      code: 'SOURCE_UNREACHABLE',
      message: /another version of m-Q4_K_M\.gguf .*\(7 bytes, not 11\)/,
    });
    hub.refuse(path, 302, {
      location: `${hub.cdnUrl}/x`,
      'x-linked-size': '11',
      'x-linked-etag': `W/"${'0'.repeat(64)}"`,
    });
    await assert.rejects(locate(source), { code: 'SOURCE_UNREACHABLE', message: /another SHA-256/ });
    hub.refuse(path, 302, { location: `${hub.cdnUrl}/x`, etag: '"another kind of hash"' });
    assert.equal((await locate(source)).location.url, `${hub.cdnUrl}/x`);
  });

  it('expires at the time in the signed URL, in the format of S3', async () => {
    hub.refuse(`/org/name/resolve/${commit}/a/m-Q4_K_M.gguf`, 302, {
      location: `${hub.cdnUrl}/x?X-Amz-Date=20300102T030405Z&X-Amz-Expires=3600`,
    });
    assert.equal(
      (await locate(await sourceOf(hfSource({ endpoint: hub.url })))).location.expiresAt,
      Date.UTC(2030, 0, 2, 4, 4, 5),
    );
  });

  it('is the new name of a renamed model, with a warning', async () => {
    hub.refuse('/api/models/old/name/revision/main', 307, {
      location: '/api/models/org/name/revision/main?expand=sha',
    });
    const lines: Line[] = [];
    const plan = await (await sourceOf(hfSource({ endpoint: hub.url }))).resolve('old/name', contextFor(lines));
    assert.match(lines[0]?.message ?? '', /old\/name was renamed to org\/name; use the new name/);
    assert.equal(plan?.name, 'org/name:Q4_K_M');
    assert.deepEqual(plan?.files[0]?.from, { key: `org/name/resolve/${commit}/a/m-Q4_K_M.gguf` });
  });
});

describe('a mirror of the Hub', () => {
  let hub: HubServer;
  beforeEach(
    async () =>
      (hub = await HubServer.open({
        'org/name': {
          files: Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`m${index}-Q4_K_M.gguf`, 'x'])),
        },
      })),
  );
  afterEach(() => hub.close());

  it('serves every page, although its pages link to the Hub', async () => {
    hub.pageSize = 4;
    hub.linkBase = hub.cdnUrl; // Another origin, which must not be requested.
    const source = await sourceOf(hfSource({ token: 'hf_secret' }), { HF_ENDPOINT: `${hub.url}/` });
    await assert.rejects(source.resolve({ repo_id: 'org/name', filename: 'none.gguf' }, contextFor()), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /m0-.*m8-/,
    });
    assert.equal(hub.seenByCdn.length, 0);
  });

  it('may have a path', async () => {
    hub.prefix = '/hub';
    hub.pageSize = 4;
    hub.linkBase = hub.cdnUrl;
    const source = await sourceOf(hfSource({ endpoint: hub.url }));
    const plan = (await source.resolve('org/name', contextFor()))!;
    assert.equal(new URL((await source.locate(plan.files[0]!, plan, contextFor())).url).origin, hub.cdnUrl);
    assert.equal(
      (await source.resolve(`${hub.url}/org/name/blob/main/m3-Q4_K_M.gguf`, contextFor()))?.model.path,
      'm3-Q4_K_M.gguf',
    );
  });

  it('is an error when its pages form a loop', async () => {
    hub.on(
      `/api/models/org/name/tree/${commit}`,
      (_, response) =>
        void response
          .writeHead(200, {
            'content-type': 'application/json',
            link: `<${hub.url}/api/models/org/name/tree/${commit}?cursor=1>; rel="next"`,
          })
          .end('[]'),
    );
    await assert.rejects((await sourceOf(hfSource({ endpoint: hub.url }))).resolve('org/name', contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /in an endless loop/,
    });
  });
});
