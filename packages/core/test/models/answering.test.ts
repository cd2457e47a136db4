// Models that another one answers for (`Model.of`): what they resolve to, when they are available, how they are shown.
import assert from 'node:assert/strict';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { metadataOf, modelDetail, modelView, servedModel, type Plugin } from '@lamina/core';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';

/** Sets `of` as an entry says. */
const answers: Plugin = {
  name: 'answers',
  setup(lamina) {
    let entries: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {};
    lamina.extend('modelEntry', { of: { type: 'string', format: 'model' } });
    lamina.hooks.discoverModels.tap(({ manifest }) => void (entries = manifest.models));
    lamina.hooks.describeModel.tap((model) => {
      const of = entries[model.name]?.['of'];
      return typeof of === 'string' ? { ...model, of } : undefined;
    });
  },
};

const base = { path: 'base.fake', backend: 'fake', aliases: ['basic'], options: { context_length: 512 } };

describe('a model that another one answers for', () => {
  let lamina: TestLamina;
  const open = async (models: Record<string, object>) => {
    lamina = await createTestLamina({
      files: { 'base.fake': 'a fake model', 'adapter.fake': 'an adapter', 'own.fake': 'a fake model' },
      plugins: [fakePlugin(), answers],
      manifest: { models: { base, adapter: { path: 'adapter.fake', base: 'base' }, ...models } },
    });
    return lamina;
  };
  const missing = (name: string) => lamina.models.get(name)?.missing;
  let signal: AbortSignal;
  beforeEach(() => void (signal = AbortSignal.timeout(30_000)));
  afterEach(() => lamina.close());

  it('resolves to that model, by its name or alias', async () => {
    const { models } = await open({ coder: { of: 'base', aliases: ['c'] }, writer: { of: 'basic' } });
    for (const name of ['c', 'coder', 'writer']) {
      const { model, answering, served } = models.resolve(name);
      assert.deepEqual([model.name, answering.name, served.name], [name === 'c' ? 'coder' : name, 'base', 'base']);
    }
  });

  it('can be answered by an adapter, and is none itself', async () => {
    const { models } = await open({ coder: { of: 'adapter' } });
    const { model, answering, served } = models.resolve('coder');
    assert.deepEqual([model.name, answering.name, served.name], ['coder', 'adapter', 'base']);
    assert.deepEqual(
      models.adaptersOf('base').map(({ name }) => name),
      ['adapter'],
    );
  });

  it('is available when that model is', async () => {
    const { models, modelsDir } = await open({ coder: { of: 'big' }, big: { path: 'big.fake', backend: 'fake' } });
    assert.equal(models.get('coder')?.available, false);
    assert.deepEqual(missing('coder'), ['its model "big" is not available']);
    await writeFile(join(modelsDir, 'big.fake'), 'a fake model');
    await models.reload();
    assert.equal(models.get('coder')?.available, true);
    assert.deepEqual(missing('coder'), []);
  });

  it('cannot name an unknown model, itself, or a model that another one answers for', async () => {
    const { models, runtime } = await open({
      lost: { of: 'bass' },
      self: { of: 'self' },
      coder: { of: 'base' },
      second: { of: 'coder' },
      tuned: { path: 'adapter.fake', base: 'coder' },
    });
    assert.deepEqual(missing('lost'), ['its model "bass" is unknown']);
    assert.deepEqual(missing('self'), ['it names itself as the model that answers for it']);
    assert.deepEqual(missing('second'), ['its model "coder" has no server; name the model that it is of, "base"']);
    assert.deepEqual(missing('tuned'), ['its base model "coder" has no server; name the model that it is of, "base"']);
    await assert.rejects(runtime.acquire('lost', { signal }), {
      code: 'CONFIG_INVALID',
      message: 'Model "lost" cannot be used: its model "bass" is unknown.',
    });
    await assert.rejects(runtime.start('second', { signal }), { code: 'CONFIG_INVALID' });
    assert.deepEqual(runtime.slots(), []);
    const checks = await models.validate(['lost', 'coder']);
    assert.deepEqual(checks, [
      { name: 'lost', problems: [{ kind: 'of_unusable', message: 'its model "bass" is unknown' }] },
      { name: 'coder', problems: [] },
    ]);
    assert.match(models.diagnostics(['lost'])[0]!.message, /^models\.lost\.of is "bass".*did you mean "base"\?/);
  });

  it('shares the server of that model', async () => {
    const { runtime } = await open({ coder: { of: 'base' }, writer: { of: 'base' } });
    await runtime.start('coder', { signal });
    const lease = await runtime.acquire('writer', { signal });
    assert.deepEqual(
      runtime.slots().map(({ model }) => model),
      ['base'],
    );
    assert.deepEqual([lease.target.model.name, lease.target.answering.name], ['writer', 'base']);
    lease.release();
    await runtime.stop('coder');
    assert.deepEqual(runtime.slots(), []);
  });

  it('has the format of that model', async () => {
    const { models } = await open({ coder: { of: 'base' } });
    assert.equal(models.get('coder')?.model.format, 'fake');
  });

  it('is shown with the size, the context and the state of that model', async () => {
    await open({ coder: { of: 'base' } });
    await lamina.runtime.start('base', { signal });
    const [coder, own] = ['coder', 'base'].map((name) => lamina.models.get(name)!) as [never, never];
    const { bytes, state, active } = modelView(lamina, coder);
    assert.deepEqual([bytes, state, active], [12, 'ready', true]);
    const metadata = await metadataOf(lamina, lamina.models.resolve('coder'));
    assert.equal(modelDetail(lamina, coder, metadata)['context_length'], 512);
    const about = { id: 'coder', created: 1 };
    assert.deepEqual(servedModel(lamina, coder, metadata, about), servedModel(lamina, own, metadata, about));
  });

  it('says which keys of its entry have no effect', async () => {
    const { models } = await open({ coder: { of: 'base', path: 'base.fake', options: { chunks: 3 } } });
    assert.deepEqual(
      models.diagnostics(['coder']).map(({ message }) => message.split(',')[0]),
      ['models.coder.path has no effect', 'models.coder.options has no effect'],
    );
  });

  it('is removed without the files of that model, also when that model is gone', async () => {
    const { models, modelsDir } = await open({ coder: { of: 'base', path: 'own.fake' }, lost: { of: 'gone' } });
    assert.deepEqual((await models.remove('coder', { files: true })).deleted, []);
    await models.remove('lost', { files: true });
    for (const file of ['base.fake', 'own.fake']) await access(join(modelsDir, file));
    assert.equal(models.get('coder'), undefined);
    assert.equal(models.get('lost'), undefined);
  });

  it('is suggested for its purpose, and after that model otherwise', async () => {
    const { suggestions } = await open({ coder: { of: 'base', use_cases: ['code'] } });
    const named = async (request: object) => (await suggestions.suggest(request)).suggested.record.model.name;
    assert.equal(await named({ use_case: 'code' }), 'coder');
    assert.equal(await named({}), 'base');
    assert.equal(await named({ use_case: 'code', max_size: 12 }), 'coder');
    await assert.rejects(named({ max_size: 5 }), { code: 'NO_SUGGESTION' });
  });

  it('leaves the running model alone when it is added, changed and removed', async () => {
    const { models, runtime } = await open({});
    await runtime.start('base', { signal });
    const { pid, startedAt } = runtime.slot('base');
    await models.save('coder', { of: 'base' });
    await models.save('coder', { of: 'base', description: 'For code' });
    await models.remove('coder');
    assert.deepEqual([runtime.slot('base').state, runtime.slot('base').pid], ['ready', pid]);
    assert.equal(runtime.slot('base').startedAt, startedAt);
  });

  it('stops its own server when it had one before', async () => {
    const { events, models, runtime } = await open({ other: { path: 'base.fake', backend: 'fake' } });
    await runtime.start('other', { signal });
    const stopped = events.once('model.stopped', { signal });
    await models.save('other', { of: 'base' });
    const { model, reason } = await stopped;
    assert.deepEqual([model, reason], ['other', 'removed']);
    assert.deepEqual(runtime.slots(), []);
  });
});
