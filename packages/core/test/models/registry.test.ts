// The registry: files on disk become models, names are resolved, and a reload applies what changed.
import assert from 'node:assert/strict';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LaminaError } from '../../dist/contract/errors.js';
import type { Model } from '../../dist/contract/models.js';
import type { ModelsChange } from '../../dist/contract/models.js';
import { ggufBytes } from './gguf-file.js';
import { openTestRegistry, type TestRegistry } from './test-registry.js';

describe('the registry', () => {
  let setup: TestRegistry;
  beforeEach(async () => (setup = await openTestRegistry()));
  afterEach(() => setup.close());

  const manifest = (text: string) => setup.write({ 'models.yaml': text });
  const missing = (name: string) => setup.registry.get(name)!.missing;
  const paths = (name: string) =>
    setup.registry.get(name)!.model.files.map(({ role, path }) => [role, path.slice(setup.modelsDir.length + 1)]);

  it('has no models when there is no manifest', async () => {
    await setup.registry.load();
    assert.deepEqual(setup.registry.list(), []);
    assert.throws(() => setup.registry.resolve('a'), {
      code: 'MODEL_NOT_FOUND',
      message: 'Model "a" was not found. There are no models yet.',
    });
  });

  it('finds a file, its size and its format', async () => {
    await manifest(
      'models:\n  a: { path: a/a.gguf, options: { threads: 2 }, limits: { idle_timeout: 5 }, pinned: true }\n',
    );
    await setup.write({ 'a/a.gguf': 123 });
    await setup.registry.load();
    const { model, available } = setup.registry.get('a')!;
    assert.equal(available, true);
    assert.deepEqual(model, {
      name: 'a',
      files: [{ role: 'weights', path: join(setup.modelsDir, 'a/a.gguf'), bytes: 123 }],
      format: 'gguf',
      aliases: [],
      options: { threads: 2 },
      pinned: true,
      limits: { idle_timeout: 5 },
      from: 'manifest',
    });
    assert.ok(Object.isFrozen(model) && Object.isFrozen(model.files[0]));
  });

  it('reports for each model why its files cannot be used', async () => {
    await manifest(
      'models:\n  absent: { path: a/a.gguf }\n  empty: { path: b.gguf }\n  unnamed: {}\n  many: { path: many }\n  other: { path: other }\n',
    );
    await setup.write({ 'b.gguf': 0, 'many/x.gguf': 1, 'many/y.gguf': 1, 'other/readme.md': 1 });
    await setup.registry.load();
    assert.deepEqual(missing('absent'), ['a/a.gguf does not exist']);
    assert.deepEqual(missing('empty'), ['b.gguf is empty']);
    assert.deepEqual(missing('unnamed'), ['unnamed does not exist']);
    assert.deepEqual(missing('many'), ['many holds 2 models (x.gguf, y.gguf); name one of them in path']);
    assert.match(missing('other')[0]!, /^other holds no model/);
    assert.deepEqual(setup.registry.stats(), {
      total_models: 5,
      available_models: 0,
      missing_models: 5,
      categories: [],
      backends: [],
      use_cases: [],
    });
  });

  it('finds all shards from any of them, in order, in upper and lower case', async () => {
    await manifest('models:\n  a: { path: a/Big-00002-of-00003.gguf }\n  dir: { path: a }\n');
    await setup.write({
      'a/Big-00003-of-00003.GGUF': 3,
      'a/Big-00001-of-00003.gguf': 1,
      'a/big-00002-of-00003.gguf': 2,
    });
    await setup.registry.load();
    const shards = [
      ['weights', 'a/Big-00001-of-00003.gguf'],
      ['weights', 'a/big-00002-of-00003.gguf'],
      ['weights', 'a/Big-00003-of-00003.GGUF'],
    ];
    assert.deepEqual(paths('a'), shards);
    assert.deepEqual(paths('dir'), shards);
    assert.equal(setup.registry.get('a')!.available, true);
  });

  it('names the missing shards', async () => {
    await manifest(
      'models:\n  a: { path: a-00001-of-00004.gguf }\n  none: { path: b-00001-of-00002.gguf }\n  odd: { path: c-00005-of-00002.gguf }\n',
    );
    await setup.write({ 'a-00001-of-00004.gguf': 1, 'a-00003-of-00004.gguf': 1 });
    await setup.registry.load();
    assert.deepEqual(missing('a'), ['of the 4 shards of a numbers 2, 4 are not there']);
    assert.deepEqual(missing('none'), ['of the 2 shards of b numbers 1, 2 are not there']);
    assert.deepEqual(missing('odd'), ['c-00005-of-00002.gguf is number 5 of 2, which cannot be']);
  });

  it('finds the projector next to the only model of a directory, and prefers the configured one', async () => {
    await manifest(
      'models:\n  a: { path: a/a.gguf }\n  b: { path: a, projector: p/x.gguf }\n  c: { path: c/one.gguf }\n',
    );
    await setup.write({
      'a/a.gguf': 1,
      'a/mmproj-BF16.gguf': 1,
      'a/a-mmproj-f16.gguf': 1,
      'p/x.gguf': 1,
      'c/one.gguf': 1,
      'c/two.gguf': 1,
      'c/mmproj.gguf': 1,
    });
    await setup.registry.load();
    assert.deepEqual(paths('a'), [
      ['weights', 'a/a.gguf'],
      ['projector', 'a/a-mmproj-f16.gguf'],
    ]);
    assert.deepEqual(paths('b'), [
      ['weights', 'a/a.gguf'],
      ['projector', 'p/x.gguf'],
    ]);
    assert.deepEqual(paths('c'), [['weights', 'c/one.gguf']]);
  });

  it('recognises safetensors and MLC directories, and GGUF files without a suffix', async () => {
    await manifest(
      'models:\n  st: { path: st/ }\n  mlc: {}\n  blob: { path: sha256-abc }\n  named: { path: n/model.safetensors }\n',
    );
    await setup.write({
      'st/config.json': '{}',
      'st/model.safetensors': 9,
      'mlc/mlc-chat-config.json': '{}',
      'mlc/params_shard_0.bin': 8,
      'sha256-abc': ggufBytes(),
      'n/config.json': '{}',
      'n/model.safetensors': 3,
    });
    await setup.registry.load();
    assert.deepEqual(
      ['st', 'mlc', 'blob', 'named'].map((name) => setup.registry.get(name)!.model.format),
      ['safetensors', 'mlc', 'gguf', 'safetensors'],
    );
    assert.deepEqual(setup.registry.get('st')!.model.files, [
      { role: 'weights', path: join(setup.modelsDir, 'st'), bytes: 9 },
    ]);
    assert.deepEqual(paths('named'), [['weights', 'n']]);
  });

  it('follows links out of the models directory, from a relative path as from an absolute one', async () => {
    const outside = `${setup.modelsDir}-outside`;
    await mkdir(outside);
    try {
      await writeFile(join(outside, 'x.gguf'), 'x');
      await symlink(outside, join(setup.modelsDir, 'link'));
      await symlink(join(outside, 'x.gguf'), join(setup.modelsDir, 'file.gguf'));
      await manifest(
        `models:\n  a: { path: link/x.gguf }\n  b: { path: file.gguf }\n  c: { path: ${outside}/x.gguf }\n`,
      );
      await setup.registry.load();
      assert.deepEqual(
        ['a', 'b', 'c'].map((name) => setup.registry.get(name)!.model.files[0]!.path),
        [join(setup.modelsDir, 'link/x.gguf'), join(setup.modelsDir, 'file.gguf'), join(outside, 'x.gguf')],
      );
      assert.ok(['a', 'b', 'c'].every((name) => setup.registry.get(name)!.available));
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it('resolves names, aliases and adapters', async () => {
    await manifest(
      'models:\n  big: { path: a.gguf, aliases: [gpt-4, "org/big:q4"] }\n  poet: { path: lora.gguf, base: gpt-4 }\n',
    );
    await setup.write({ 'a.gguf': 1, 'lora.gguf': 1 });
    await setup.registry.load();
    assert.equal(setup.registry.resolve('org/big:q4').model.name, 'big');
    const { model, served } = setup.registry.resolve('poet');
    assert.deepEqual([model.name, served.name], ['poet', 'big']);
    assert.equal(model.files[0]!.role, 'adapter');
    assert.deepEqual(
      setup.registry.adaptersOf('big').map(({ name }) => name),
      ['poet'],
    );
  });

  it('names the nearest name for an unknown one', async () => {
    await manifest('models:\n  llama-3b: {}\n  qwen-7b: {}\n');
    await setup.registry.load();
    assert.throws(() => setup.registry.resolve('lama-3b'), {
      message: 'Model "lama-3b" was not found. Did you mean "llama-3b"? Known: "llama-3b", "qwen-7b".',
    });
    assert.throws(
      () => setup.registry.resolve('x'.repeat(100_000)),
      (error: Error) => error.message.length < 400,
    );
  });

  it('reads metadata on demand, and works without it when a header is invalid', async () => {
    await manifest('models:\n  a: { path: a.gguf }\n  b: { path: b.gguf }\n');
    await setup.write({ 'a.gguf': ggufBytes(), 'b.gguf': 'not a model' });
    await setup.registry.load();
    assert.equal(setup.registry.get('a')!.model.metadata, undefined);
    const described = await setup.registry.describe('a');
    assert.equal(described.metadata!.architecture, 'llama');
    assert.equal(described.metadata!.parameters, 38_400);
    assert.equal((await setup.registry.describe('b')).metadata, undefined);
    assert.deepEqual(setup.warnings, ['The metadata of a model cannot be read']);
  });

  it('sums the parameters of all shards', async () => {
    await manifest('models:\n  a: { path: a-00001-of-00002.gguf }\n');
    await setup.write({ 'a-00001-of-00002.gguf': ggufBytes(), 'a-00002-of-00002.gguf': ggufBytes({ values: {} }) });
    await setup.registry.load();
    const { metadata } = await setup.registry.describe('a');
    assert.equal(metadata!.parameters, 2 * 38_400);
    assert.equal(metadata!.shards, 2);
  });

  it('applies a reload as a difference', async () => {
    await manifest('models:\n  a: { path: a.gguf }\n  b: { path: b.gguf }\n  gone: {}\n');
    await setup.registry.load();
    const kept = setup.registry.get('a')!.model;
    const changes: ModelsChange[] = [];
    setup.registry.onChange((change) => changes.push(change));
    await manifest('models:\n  a: { path: a.gguf }\n  b: { path: b2.gguf }\n  c: {}\n');
    await setup.registry.reload();
    assert.deepEqual(changes, [{ added: ['c'], changed: ['b'], removed: ['gone'] }]);
    assert.equal(setup.registry.get('a')!.model, kept);
    assert.deepEqual(
      setup.events.map(({ type }) => type),
      ['manifest.changed', 'model.discovered', 'model.updated', 'model.removed'],
    );
    await setup.registry.reload();
    assert.equal(changes.length, 1);
  });

  it('keeps its models when the manifest becomes invalid, and reports that', async () => {
    await manifest('models:\n  a: {}\n');
    await setup.registry.load();
    await manifest('models:\n  a: [\n');
    await assert.rejects(setup.registry.reload(), { code: 'CONFIG_INVALID' });
    assert.ok(setup.registry.get('a'));
    const [event] = setup.events;
    assert.equal(event!.type, 'manifest.invalid');
    assert.equal((event as { error: { code: string } }).error.code, 'CONFIG_INVALID');
  });

  it('makes every reload see what was written before the call', async () => {
    await manifest('models: {}\n');
    await setup.registry.load();
    await manifest('models:\n  a: {}\n');
    const first = setup.registry.reload();
    await manifest('models:\n  b: {}\n');
    await Promise.all([first, setup.registry.reload(), setup.registry.reload()]);
    assert.deepEqual(
      setup.registry.list().map(({ model }) => model.name),
      ['b'],
    );
  });

  it('lets plugins discover and describe models', async () => {
    const taps = setup.hooks.tapsFor({ name: 'test', log: { child: () => undefined } as never, closed: false });
    taps.discoverModels.tap((discovery) => {
      discovery.add(found('a'));
      discovery.add(found('found'));
      discovery.add(found('../escape'));
    });
    taps.describeModel.tap((model) => ({ ...model, options: { ...model.options, seen: true } }));
    await manifest('models:\n  a: {}\n');
    await setup.registry.load();
    assert.deepEqual(
      setup.registry.list().map(({ model }) => [model.name, model.from, model.options['seen']]),
      [
        ['a', 'manifest', true],
        ['found', 'discovered', true],
      ],
    );
  });

  it('lets plugins discover models without files, which are available unless the plugin says why not', async () => {
    const taps = setup.hooks.tapsFor({ name: 'test', log: { child: () => undefined } as never, closed: false });
    let backends: readonly string[] = [];
    taps.discoverModels.tap((discovery) => {
      backends = Object.keys(discovery.manifest.backends);
      discovery.add({ ...found('far'), files: [], format: 'elsewhere' });
      discovery.add({ ...found('gone'), files: [], format: 'elsewhere', unavailable: 'its server does not respond' });
    });
    await manifest('backends:\n  theirs: { type: remote, base_url: http://127.0.0.1:9/v1 }\n');
    await setup.registry.load();
    assert.deepEqual(backends, ['theirs']);
    assert.deepEqual(
      setup.registry.list().map(({ model, available, missing, entry }) => [model.name, available, missing, entry]),
      [
        ['far', true, [], { format: 'elsewhere' }],
        ['gone', false, ['its server does not respond'], { format: 'elsewhere' }],
      ],
    );
    assert.deepEqual(
      (await setup.registry.validate()).map(({ problems }) => problems),
      [[], []],
    );
  });

  it('prefers a model that is on this machine to one without files of the same name', async () => {
    const taps = setup.hooks.tapsFor({ name: 'test', log: { child: () => undefined } as never, closed: false });
    taps.discoverModels.tap((discovery) => {
      discovery.add({ ...found('both'), files: [], format: 'elsewhere' });
      discovery.add(found('both'));
    });
    await setup.registry.load();
    assert.deepEqual(
      setup.registry.list().map(({ model }) => [model.name, model.files.length]),
      [['both', 1]],
    );
  });

  it("accepts a plugin's statement that a model has no files on this machine", async () => {
    const taps = setup.hooks.tapsFor({ name: 'test', log: setup.log, closed: false });
    taps.describeModel.tap((model) =>
      model.backend === 'remote' ? { ...model, format: 'remote', files: [] } : undefined,
    );
    await manifest('models:\n  far: { backend: remote }\n  absent: {}\n');
    await setup.registry.load();
    assert.deepEqual(
      setup.registry.list().map(({ model, available }) => [model.name, available]),
      [
        ['far', true],
        ['absent', false],
      ],
    );
    assert.deepEqual(
      (await setup.registry.validate()).map(({ name, problems }) => [name, problems.length]),
      [
        ['far', 0],
        ['absent', 1],
      ],
    );
  });

  it('accepts a manifest as data, and names each category, backend and use case in it once', async () => {
    const other = await openTestRegistry({
      manifest: {
        models: { a: { path: 'a.gguf', backend: 'vllm', use_cases: ['x', 'y'] } },
        categories: { small: ['a'] },
        backends: { vllm: {}, mlc: {} },
        defaults: { y: 'a', z: 'a' },
      },
    });
    try {
      await other.registry.load();
      assert.deepEqual(other.registry.stats(), {
        total_models: 1,
        available_models: 0,
        missing_models: 1,
        categories: ['small'],
        backends: ['vllm', 'mlc'],
        use_cases: ['y', 'z', 'x'],
      });
      assert.ok(LaminaError.is(await other.registry.describe('b').catch((error: unknown) => error), 'MODEL_NOT_FOUND'));
    } finally {
      await other.close();
    }
  });
});

function found(name: string): Model {
  return {
    name,
    files: [{ role: 'weights', path: '/somewhere/x.gguf', bytes: 5 }],
    format: 'gguf',
    aliases: [],
    options: {},
    pinned: false,
    limits: {},
    from: 'discovered',
  };
}
