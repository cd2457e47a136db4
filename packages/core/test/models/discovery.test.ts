// Discovery: model files that are not in the manifest are served under stable names, once they are complete.
import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ggufBytes } from './gguf-file.js';
import { openTestRegistry, type TestRegistry } from './test-registry.js';

const gguf = ggufBytes();

describe('discovery', () => {
  let setup: TestRegistry;
  beforeEach(async () => (setup = await openTestRegistry()));
  afterEach(() => setup.close());

  const found = async (files: Readonly<Record<string, string | Buffer | number>>) => {
    await setup.write(files);
    await setup.registry.load();
    return setup.registry.list().map(({ model }) => model);
  };
  const names = async (files: Readonly<Record<string, string | Buffer | number>>) =>
    (await found(files)).map(({ name }) => name);

  it('names a model by its path', async () => {
    assert.deepEqual(await names({ 'a.gguf': gguf, 'org/b/q4.GGUF': gguf, 'c/C.gguf': gguf }), ['a', 'c', 'org/b/q4']);
  });

  it('reads the quantisation from the header', async () => {
    await found({ 'a.gguf': gguf });
    const { entry, model } = setup.registry.get('a')!;
    assert.deepEqual([entry.quantization, model.metadata?.quantization], ['Q4_K_M', 'Q4_K_M']);
    const whole = await setup.registry.describe('a');
    assert.deepEqual([whole.metadata?.quantization, whole.metadata?.architecture], ['Q4_K_M', 'llama']);
  });

  it('lists shards as one model, with the projector next to it', async () => {
    const [model, ...others] = await found({
      'v/v-00001-of-00002.gguf': gguf,
      'v/v-00002-of-00002.gguf': gguf,
      'v/mmproj-f16.gguf': gguf,
    });
    assert.equal(others.length, 0);
    assert.deepEqual(
      [model!.name, model!.format, model!.from, model!.files.map(({ role }) => role)],
      ['v', 'gguf', 'discovered', ['weights', 'weights', 'projector']],
    );
  });

  it('lists safetensors and MLC directories', async () => {
    const tensors = {
      's/config.json': '{}',
      's/model-00001-of-00002.safetensors': 9,
      's/model-00002-of-00002.safetensors': 9,
    };
    const models = await found({
      ...tensors,
      'm/mlc-chat-config.json': '{}',
      'm/tensor-cache.json': '{}',
      'm/params_shard_0.bin': 5,
    });
    assert.deepEqual(
      models.map(({ name, format }) => [name, format]),
      [
        ['m', 'mlc'],
        ['s', 'safetensors'],
      ],
    );
  });

  it('skips half-downloaded files', async () => {
    const files = {
      'cut.gguf': gguf.subarray(0, gguf.length - 1),
      'header.gguf': gguf.subarray(0, 100),
      'page.gguf': '<!DOCTYPE html>',
      'empty.gguf': 0,
      'x.gguf.part': gguf,
      'aria.gguf': gguf,
      'aria.gguf.aria2': 1,
      'shards/s-00001-of-00002.gguf': gguf,
      't/config.json': '{}',
      't/model-00001-of-00002.safetensors': 9,
      'm/mlc-chat-config.json': '{}',
      '.cache/y.gguf': gguf,
      'whole.gguf': gguf,
    };
    assert.deepEqual(await names(files), ['whole']);
  });

  it('warns once about a skipped file, however often it changes', async () => {
    const reasons = () => setup.warnings.filter((message) => message === 'A file is not offered as a model').length;
    const discovered = () => setup.event('model.discovered');
    await found({ 'a.gguf': gguf.subarray(0, 100), 'b.gguf': '<!DOCTYPE html>' });
    assert.equal(reasons(), 2);
    const other = discovered();
    await setup.write({ 'a.gguf': gguf.subarray(0, 200), 'other.gguf': gguf });
    assert.equal((await other).model, 'other');
    assert.equal(reasons(), 2);
    const whole = discovered();
    await setup.write({ 'a.gguf': gguf });
    assert.equal((await whole).model, 'a');
    const third = discovered();
    await setup.write({ 'a.gguf': gguf.subarray(0, 100), 'third.gguf': gguf });
    assert.equal((await third).model, 'third');
    assert.equal(reasons(), 3);
  });

  it('leaves out what the manifest contains, by name or by file', async () => {
    assert.deepEqual(
      await names({
        'models.yaml': 'models:\n  mine: { path: a.gguf, aliases: [c] }\n  b: {}\n',
        'a.gguf': gguf,
        'b.gguf': gguf,
        'c.gguf': gguf,
        'd.gguf': gguf,
      }),
      ['mine', 'b', 'd'],
    );
  });

  it('searches a directory once, not again through links', async () => {
    await setup.write({ 'a/x.gguf': gguf });
    await symlink('..', join(setup.modelsDir, 'a/loop'));
    await symlink('a', join(setup.modelsDir, 'other'));
    assert.deepEqual(await names({}), ['a/x']);
  });

  it('finds models six levels below the models directory, and no deeper', async () => {
    assert.deepEqual(await names({ '1/2/3/4/5/6/x.gguf': gguf, '1/2/3/4/5/6/7/y.gguf': gguf }), ['1/2/3/4/5/6/x']);
  });

  it('keeps earlier results of a tap that fails', async () => {
    const taps = setup.hooks.tapsFor({ name: 'flaky', log: { child: () => undefined } as never, closed: false });
    let fails = false;
    taps.discoverModels.tap((discovery) => {
      if (fails) throw new Error('no network');
      discovery.add({
        name: 'far',
        files: [{ role: 'weights', path: '/far/x.gguf', bytes: 5 }],
        format: 'gguf',
        aliases: [],
        options: {},
        pinned: false,
        limits: {},
        from: 'adopted',
      });
    });
    await found({ 'a.gguf': gguf });
    fails = true;
    await setup.registry.reload();
    assert.deepEqual(
      setup.registry.list().map(({ model }) => model.name),
      ['a', 'far'],
    );
  });

  it('reads each header once, also across a restart', async () => {
    await setup.write({ 'a.gguf': gguf });
    await setup.age('a.gguf');
    await found({});
    await setup.registry.dispose();
    await setup.write({ 'a.gguf': Buffer.alloc(gguf.length) });
    await setup.age('a.gguf');
    const again = setup.again();
    await again.load();
    assert.deepEqual(
      again.list().map(({ model }) => model.name),
      ['a'],
      'it was read again, and is zeros now',
    );
    await again.dispose();
  });
});
