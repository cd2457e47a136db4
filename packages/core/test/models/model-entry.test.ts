// The extension point `modelEntry`: keys of plugins in the entries of the manifest.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LaminaError, type Plugin } from '@lamina/core';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';

const owner: Plugin = {
  name: 'owner',
  setup: (lamina) =>
    lamina.extend('modelEntry', {
      owner: { type: 'string' },
      see_also: { type: 'array', items: { type: 'string', format: 'model' } },
    }),
};

const manifest = (entry: string) => `models:
  tiny:
    path: tiny.fake
    backend: fake
    ${entry}
`;

describe('keys of plugins in entries of models', () => {
  let lamina: TestLamina | undefined;
  const open = async (entry: string, ...plugins: Plugin[]) =>
    (lamina = await createTestLamina({
      files: { 'tiny.fake': 'a fake model', 'models.yaml': manifest(entry) },
      plugins: [fakePlugin(), ...plugins],
    }));
  afterEach(() => lamina?.close().finally(() => (lamina = undefined)));

  it('are known keys', async () => {
    const { models } = await open('owner: Ann', owner);
    assert.deepEqual(models.diagnostics(), []);
    assert.equal(models.get('tiny')?.entry['owner'], 'Ann');
  });

  it('are unknown keys without the plugin', async () => {
    const { models } = await open('owner: Ann');
    assert.match(models.diagnostics()[0]!.message, /^models\.tiny\.owner is not a key Lamina knows/);
  });

  it('are suggested for a key that is nearly one of them', async () => {
    const { models } = await open('ownr: Ann', owner);
    assert.match(models.diagnostics()[0]!.message, /did you mean "owner"\?/);
  });

  it('have values that fit their schemas, else the manifest is invalid there', async () => {
    await assert.rejects(open('owner: 5', owner), (error) => {
      assert.ok(LaminaError.is(error, 'CONFIG_INVALID'));
      assert.match(error.message, /models\.yaml:5:5: models\.tiny\.owner must be /);
      return true;
    });
  });

  it('keep the models as they were when a change makes one of them invalid', async () => {
    const { models, modelsDir } = await open('owner: Ann', owner);
    await writeFile(join(modelsDir, 'models.yaml'), manifest('owner: [Ann]'));
    await assert.rejects(models.reload(), { code: 'CONFIG_INVALID' });
    assert.equal(models.get('tiny')?.entry['owner'], 'Ann');
    const [{ severity, line, message }] = models.diagnostics() as [ReturnType<typeof models.diagnostics>[0]];
    assert.deepEqual([severity, line], ['error', 5]);
    assert.match(message, /^models\.tiny\.owner must be /);
  });

  it('are checked before an entry is saved', async () => {
    const { models, modelsDir } = await open('owner: Ann', owner);
    await assert.rejects(models.save('tiny', { path: 'tiny.fake', owner: 5 }), { code: 'REQUEST_INVALID' });
    await models.save('tiny', { path: 'tiny.fake', backend: 'fake', owner: 'Bo' });
    assert.match(await readFile(join(modelsDir, 'models.yaml'), 'utf8'), /owner: Bo/);
  });

  it('name models with the format `model`; a name that no model has is a diagnostic with its line', async () => {
    const { models } = await open('see_also: [tiny, tinny]', owner);
    const [{ line, message }, ...others] = models.diagnostics() as [ReturnType<typeof models.diagnostics>[0]];
    assert.deepEqual(others, []);
    assert.equal(line, 5);
    assert.match(message, /^models\.tiny\.see_also\.1 is "tinny", and no model has that name; did you mean "tiny"\?/);
  });

  for (const [what, keys, reason] of [
    [
      'a key of Lamina',
      { path: { type: 'string' } },
      /it contributes the key "path" to entries of models, which Lamina has/,
    ],
    ['a key of another plugin', { owner: { type: 'number' } }, /which the plugin "owner" has/],
    ['a schema that is not valid', { team: { type: 'text' } }, /the schema of its key "team" is invalid: /],
    ['no object', 'owner', /its contribution to "modelEntry" is not an object/],
  ] as const)
    it(`stop the start when a plugin contributes ${what}`, async () => {
      const second: Plugin = { name: 'second', setup: ({ extend }) => extend('modelEntry', keys as never) };
      await assert.rejects(open('owner: Ann', owner, second), (error) => {
        assert.ok(LaminaError.is(error, 'PLUGIN_INVALID'));
        assert.match(error.message, /^Plugin "second"/);
        assert.match(error.message, reason);
        return true;
      });
    });
});
