// Watching: changes on disk are applied without a request, as a difference, and not during a write.
import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ggufBytes } from './gguf-file.js';
import { openTestRegistry, type TestRegistry } from './test-registry.js';

describe('the watch', () => {
  let setup: TestRegistry;
  beforeEach(async () => {
    setup = await openTestRegistry();
    await setup.write({ 'models.yaml': 'models:\n  a: { path: a/a.gguf }\n  b: { path: b/b.gguf }\n', 'a/a.gguf': 5 });
    await setup.registry.load();
  });
  afterEach(() => setup.close());

  const file = (name: string) => join(setup.modelsDir, name);

  it('applies an edit of the manifest as a difference', async () => {
    const kept = setup.registry.get('a');
    const changed = setup.event('manifest.changed');
    await writeFile(file('models.yaml'), 'models:\n  a: { path: a/a.gguf }\n  c: {}\n');
    const { added, changed: others, removed } = await changed;
    assert.deepEqual([added, others, removed], [['c'], [], ['b']]);
    assert.equal(setup.registry.get('a'), kept);
  });

  it('notices a manifest that an editor puts in place of the old one', async () => {
    const changed = setup.event('manifest.changed');
    await writeFile(file('.models.yaml.swp'), 'models:\n  a: { path: a/a.gguf, pinned: true }\n');
    await rename(file('.models.yaml.swp'), file('models.yaml'));
    await changed;
    assert.equal(setup.registry.get('a')!.model.pinned, true);
  });

  it('keeps the models while an editor has emptied the file to rewrite it', async () => {
    const changed = setup.event('manifest.changed');
    await writeFile(file('models.yaml'), '');
    setTimeout(() => void writeFile(file('models.yaml'), 'models:\n  a: { path: a/a.gguf }\n'), 150);
    assert.deepEqual((await changed).removed, ['b']);
  });

  it('reports an invalid edit, keeps the previous state, and applies the correction', async () => {
    const wrong = setup.event('manifest.invalid');
    await writeFile(file('models.yaml'), 'models:\n  a: { path: 5 }\n');
    assert.match((await wrong).error.message, /models\.yaml:2:8: models\.a\.path must be text/);
    assert.equal(setup.registry.list().length, 2);
    const changed = setup.event('manifest.changed');
    await writeFile(file('models.yaml'), 'models:\n  a: { path: a/a.gguf }\n');
    await changed;
    assert.equal(setup.registry.list().length, 1);
  });

  it('notices that files of a model appear and disappear', async () => {
    const came = setup.event('model.updated');
    await setup.write({ 'b/b.gguf': 7 });
    assert.equal((await came).model, 'b');
    assert.equal(setup.registry.get('b')!.available, true);
    const went = setup.event('model.updated');
    await rm(file('a/a.gguf'));
    assert.equal((await went).model, 'a');
    assert.deepEqual(setup.registry.get('a')!.missing, ['a/a.gguf does not exist']);
  });

  it('discovers a model that is added to the models directory, and removes it when it is deleted', async () => {
    const came = setup.event('model.discovered');
    await setup.write({ 'new/deep/x.gguf': ggufBytes() });
    assert.equal((await came).model, 'new/deep/x');
    const went = setup.event('model.removed');
    await rm(file('new'), { recursive: true });
    assert.equal((await went).model, 'new/deep/x');
  });

  it('watches a manifest in another directory', async () => {
    const elsewhere = await openTestRegistry({ manifest: file('models.yaml') });
    try {
      await elsewhere.registry.load();
      const applied = elsewhere.event('manifest.changed');
      await writeFile(file('models.yaml'), 'models:\n  z: {}\n');
      await applied;
      assert.deepEqual(
        elsewhere.registry.list().map(({ model }) => model.name),
        ['z'],
      );
    } finally {
      await elsewhere.close();
    }
  });

  it('emits nothing after it is closed', async () => {
    await setup.registry.dispose();
    const before = setup.events.length;
    await writeFile(file('models.yaml'), 'models: {}\n');
    await assert.rejects(setup.registry.reload(), { code: 'SHUTTING_DOWN' });
    assert.equal(setup.events.length, before);
  });
});
