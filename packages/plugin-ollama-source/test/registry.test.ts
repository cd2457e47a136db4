import assert from 'node:assert/strict';
import type { DownloadPlan, Json, Source } from '@lamina/core/plugin';
import { ollamaSource } from '../dist/index.js';
import { digestOf, RegistryServer, type Layers } from './registry-server.js';
import { contextFor, sourceOf, type Line } from './source-kit.js';

interface ManifestJson {
  config: { digest?: unknown; size?: unknown };
  layers: { digest?: unknown; size?: unknown }[];
}

const weights: Layers = [
  ['model', 'GGUF weights'],
  ['license', 'MIT'],
];

describe('a model of an Ollama registry', () => {
  let registry: RegistryServer;
  let source: Source;
  beforeEach(async () => {
    registry = await RegistryServer.open();
    source = await sourceOf(ollamaSource());
  });
  afterEach(() => registry.close());

  async function plan(name: string, lines: Line[] = []): Promise<DownloadPlan> {
    const made = await source.resolve({ model: `${registry.host}/${name}` }, contextFor(lines));
    assert.ok(made !== undefined);
    return made;
  }

  it('is a plan of blobs by digest, pinned to its manifest', async () => {
    const manifest = registry.add('library/tiny:3b', weights, {
      model_family: 'llama',
      model_type: '3.2B',
      file_type: 'Q4_K_M',
    });
    const made = await plan('library/tiny:3b');
    assert.equal(made.revision, digestOf(manifest));
    assert.equal(made.name, `${registry.host}/library/tiny:3b`);
    assert.deepEqual(made.files, [
      {
        path: 'tiny-3b.gguf',
        bytes: 12,
        sha256: digestOf('GGUF weights').slice(7),
        from: { key: `${registry.host}/library/tiny@${digestOf('GGUF weights')}` },
      },
    ]);
    assert.deepEqual(made.model, {
      path: 'tiny-3b.gguf',
      description: `${made.name}, llama, 3.2B.`,
      quantization: 'Q4_K_M',
    });
    assert.deepEqual(made.reference, { model: `${registry.host}/library/tiny:3b` });
  });

  it('adds its parameters, system prompt, projector and adapters to the entry, and a note on the template', async () => {
    const parameters = { num_ctx: 4096, temperature: 0.6, stop: ['<|end|>'], num_thread: 8 };
    registry.add('me/see:latest', [
      ...weights,
      ['projector', 'GGUF projector'],
      ['adapter', 'GGUF lora'],
      ['template', '{{ .Prompt }}'],
      ['system', 'Be brief.'],
      ['params', JSON.stringify(parameters)],
      ['messages', '[]'],
      ['novelty', '?'],
    ]);
    const lines: Line[] = [];
    const { model, files, reference } = await plan('me/see', lines);
    assert.deepEqual(
      files.map(({ path }) => path),
      ['see.gguf', 'mmproj-see.gguf', 'lora-1-see.gguf'],
    );
    assert.equal(model.projector, 'mmproj-see.gguf');
    assert.deepEqual(model.options, { context_length: 4096 });
    assert.deepEqual(reference, { model: `${registry.host}/me/see`, parameters, system: 'Be brief.' });
    assert.match(
      model.description ?? '',
      /prompt template is not used.*not used: num_thread\..*includes an adapter \(lora-\*\.gguf/,
    );
    assert.equal(lines.filter(({ level }) => level === 'warn').length, 3);
  });

  it('keeps the parameters that a person configured', async () => {
    registry.add('me/warm:latest', [...weights, ['params', '{"temperature":0.6}'], ['system', 'Be brief.']]);
    const made = await source.resolve(
      { model: `${registry.host}/me/warm`, parameters: { temperature: 1 } },
      contextFor(),
    );
    assert.deepEqual(made?.reference, {
      model: `${registry.host}/me/warm`,
      parameters: { temperature: 1 },
      system: 'Be brief.',
    });
  });

  it('has shards under names that llama.cpp follows', async () => {
    registry.add('library/big:latest', [
      ['model', 'one'],
      ['model', 'two'],
    ]);
    assert.deepEqual(
      (await plan('library/big')).files.map(({ path }) => path),
      ['big-00001-of-00002.gguf', 'big-00002-of-00002.gguf'],
    );
  });

  it('is fetched from the redirect target, until the URL expires', async () => {
    registry.add('library/tiny:latest', weights);
    const made = await plan('library/tiny');
    const location = await source.locate(made.files[0]!, made, contextFor());
    assert.ok(location.url.startsWith(`http://${registry.storeHost}/sha256:`));
    assert.equal(location.headers, undefined);
    assert.equal(location.expiresAt, Date.UTC(2030, 0, 1, 0, 10));
    assert.deepEqual([registry.seen.at(-1)?.method, registry.seen.at(-1)?.range], ['GET', 'bytes=0-0']);
    assert.equal(
      await (await fetch(location.url, { headers: { range: 'bytes=5-', connection: 'close' } })).text(),
      'weights',
    );
  });

  it('is fetched from the registry itself when it has the bytes', async () => {
    registry.redirects = false;
    registry.add('library/tiny:latest', weights);
    const made = await plan('library/tiny');
    const location = await source.locate(made.files[0]!, made, contextFor());
    assert.deepEqual(location, {
      url: `http://${registry.host}/v2/library/tiny/blobs/${digestOf('GGUF weights')}`,
      headers: {},
    });
  });

  it('is requested with the anonymous token, which is sent to no other host', async () => {
    registry.token = 'anonymous';
    registry.add('library/tiny:latest', [...weights, ['system', 'Be brief.']]);
    const made = await plan('library/tiny');
    const tokenRequest = registry.seen.find(({ url }) => url.startsWith('/token'))!;
    assert.equal(tokenRequest.authorization, undefined);
    assert.deepEqual(Object.fromEntries(new URL(tokenRequest.url, 'http://x').searchParams), {
      service: 'registry',
      scope: 'repository:library/tiny:pull',
    });
    registry.redirects = false;
    const { headers } = await source.locate(made.files[0]!, made, contextFor());
    assert.deepEqual(headers, { authorization: 'Bearer anonymous' });
    assert.ok(
      registry.seenByStore.length > 0 && registry.seenByStore.every(({ authorization }) => authorization === undefined),
    );
    assert.doesNotMatch(JSON.stringify(made), /anonymous/);
  });

  it('gets a new token when the old one has expired', async () => {
    registry.token = 'first';
    registry.add('library/tiny:latest', weights);
    const made = await plan('library/tiny');
    registry.token = 'second';
    registry.redirects = false;
    assert.deepEqual((await source.locate(made.files[0]!, made, contextFor())).headers, {
      authorization: 'Bearer second',
    });
  });

  it('does not request a token from an unrelated host', async () => {
    registry.token = 'anonymous';
    registry.realm = 'http://elsewhere.example/token';
    registry.add('library/tiny:latest', weights);
    await assert.rejects(plan('library/tiny'), {
      code: 'SOURCE_DENIED',
      message: /requires a token from elsewhere\.example without encryption/,
    });
  });

  it('is rejected when it is private', async () => {
    registry.token = 'anonymous';
    registry.refuse('/token', 401);
    registry.add('library/tiny:latest', weights);
    await assert.rejects(plan('library/tiny'), {
      code: 'SOURCE_DENIED',
      message: /denies access to .*\/library\/tiny:latest \(authentication required\)/,
    });
    registry.refuse('/v2/library/tiny/manifests/latest', 401, { 'www-authenticate': 'Basic realm="r"' });
    await assert.rejects(plan('library/tiny'), { code: 'SOURCE_DENIED' });
  });

  it('is rejected when it is a cloud model, with the reason', async () => {
    registry.add('library/huge:671b-cloud', [], { remote_host: 'https://ollama.com:443', remote_model: 'huge:671b' });
    await assert.rejects(plan('library/huge:671b-cloud'), {
      code: 'SOURCE_DENIED',
      message:
        /is a cloud model: it runs on the machines of https:\/\/ollama\.com:443 and has no weights to download\. Choose one without "cloud"/,
    });
  });

  it('is rejected when its weights are missing, or in a format that only Ollama reads', async () => {
    registry.add(
      'library/mlx:latest',
      [
        ['tensor', 'a'],
        ['json', '{}'],
      ],
      { model_format: 'safetensors' },
    );
    await assert.rejects(plan('library/mlx'), {
      code: 'SOURCE_DENIED',
      message: /one blob per tensor.*from Hugging Face instead/,
    });
    registry.add('library/lora:latest', [['adapter', 'a']]);
    await assert.rejects(plan('library/lora'), {
      code: 'SOURCE_DENIED',
      message: /no weights to download: it is only an adapter/,
    });
  });

  it('is reported as missing with a message', async () => {
    await assert.rejects(plan('library/nothing:7b'), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message:
        /The source ollama has no model ".*\/library\/nothing:7b"\. The registry .* does not have this model or tag\./,
    });
  });

  it('is reported as temporarily unavailable, each case with a message and the seconds to wait', async () => {
    const path = '/v2/library/tiny/manifests/latest';
    registry.refuse(path, 429, { 'retry-after': '7' });
    await assert.rejects(
      plan('library/tiny'),
      (error: { code?: string; details?: Record<string, unknown> }) =>
        error.code === 'SOURCE_UNREACHABLE' && error.details?.['retry_after'] === 7,
    );
    registry.refuse(path, 502);
    await assert.rejects(plan('library/tiny'), {
      code: 'SOURCE_UNREACHABLE',
      message: /status 502 .* Try again later/,
    });
    registry.refuse(path, 412, {}, '{"errors":[{"message":"requires a newer version of Ollama"}]}');
    await assert.rejects(plan('library/tiny'), {
      code: 'SOURCE_UNREACHABLE',
      message: /412 \(requires a newer version of Ollama\)/,
    });
    registry.refuse(path, 307, { location: path });
    await assert.rejects(plan('library/tiny'), { code: 'SOURCE_UNREACHABLE', message: /in a loop/ });
    const { host } = registry;
    await registry.close();
    await assert.rejects(source.resolve({ model: `${host}/library/tiny` }, contextFor()), {
      code: 'SOURCE_UNREACHABLE',
      message: /cannot be reached for .*\. Check the connection and the name of the registry/,
    });
    registry = await RegistryServer.open();
  });

  it('is rejected when the response is corrupt, or something else', async () => {
    registry.add('library/tiny:latest', [...weights, ['system', 'Be brief.']]);
    registry.blobs.set(digestOf('Be brief.'), Buffer.from('Be evil.!'));
    await assert.rejects(plan('library/tiny'), {
      code: 'SOURCE_UNREACHABLE',
      message: /is corrupt: its digest is not sha256:/,
    });
    registry.refuse(
      '/v2/library/tiny/manifests/latest',
      200,
      { 'docker-content-digest': `sha256:${'0'.repeat(64)}` },
      '{}',
    );
    await assert.rejects(plan('library/tiny'), { code: 'SOURCE_UNREACHABLE', message: /manifest of .* is corrupt/ });
    registry.refuse('/v2/library/tiny/manifests/latest', 200, { 'content-type': 'text/html' }, '<html>Log in</html>');
    await assert.rejects(plan('library/tiny'), {
      code: 'SOURCE_UNREACHABLE',
      message: /is not a model: its manifest has no layers/,
    });
    registry.on('/v2/library/tiny/manifests/latest', (_, response) => void response.end(Buffer.alloc(5 * 1024 * 1024)));
    await assert.rejects(plan('library/tiny'), { code: 'SOURCE_UNREACHABLE', message: /more data than a manifest/ });
  });

  const invalid: [what: string, change: (manifest: ManifestJson) => void, message: RegExp][] = [
    [
      'a negative size',
      ({ layers }) => (layers[0]!.size = -5),
      /its layer "model" has the size -5\. Choose another tag\.$/,
    ],
    ['a size that is no number', ({ layers }) => (layers[0]!.size = '12'), /"model" has the size "12"/],
    ['a size that is no integer', ({ layers }) => (layers[0]!.size = 1.5), /"model" has the size 1\.5/],
    ['no size', ({ layers }) => delete layers[0]!.size, /"model" has the size undefined/],
    ['a short digest', ({ layers }) => (layers[0]!.digest = 'sha256:abc'), /"model" has the digest "sha256:abc"/],
    ['a path as digest', ({ config }) => (config.digest = '../../x'), /"config" has the digest "\.\.\/\.\.\/x"/],
  ];
  for (const [what, change, message] of invalid)
    it(`is rejected before a blob is requested when its manifest is invalid: ${what}`, async () => {
      const manifest = JSON.parse(registry.add('library/tiny:latest', weights)) as ManifestJson;
      change(manifest);
      registry.refuse('/v2/library/tiny/manifests/latest', 200, {}, JSON.stringify(manifest));
      await assert.rejects(plan('library/tiny'), { code: 'SOURCE_UNREACHABLE', message });
      assert.equal(registry.seen.length, 1);
    });

  it('is rejected when the registry sends a token that no header can contain', async () => {
    registry.token = 'two words\nand a line';
    registry.add('library/tiny:latest', weights);
    await assert.rejects(plan('library/tiny'), {
      code: 'SOURCE_UNREACHABLE',
      message: /^127\.0\.0\.1:\d+ sent an invalid token for \S+\. Try again later\.$/,
    });
  });

  it('ends at once when the signal is aborted', async () => {
    const caller = new AbortController();
    registry.on('/v2/library/tiny/manifests/latest', () => caller.abort());
    await assert.rejects(source.resolve({ model: `${registry.host}/library/tiny` }, contextFor([], caller.signal)), {
      code: 'ABORTED',
    });
  });

  it('is not requested from a host named in a network request, unless the operator allows it', async () => {
    registry.add('library/tiny:latest', weights);
    const reference: Json = { model: `${registry.host}/library/tiny` };
    await assert.rejects(source.resolve(reference, { ...contextFor(), remote: true }), {
      code: 'SOURCE_DENIED',
      message: /Requests from the network may not use the registry .*`registries`/,
    });
    assert.equal(registry.seen.length, 0);
    const open = await sourceOf(ollamaSource({ registries: [registry.host] }));
    assert.equal((await open.resolve(reference, { ...contextFor(), remote: true }))?.files.length, 1);
  });
});
