// How hosts manage models: validate, save, install, remove.
import assert from 'node:assert/strict';
import { chmod, link, lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ggufBytes } from './gguf-file.js';
import { openTestRegistry, type TestRegistry } from './test-registry.js';

const gguf = ggufBytes();

describe('the model library', () => {
  let setup: TestRegistry;
  let outside: string;
  beforeEach(async () => {
    setup = await openTestRegistry();
    outside = await mkdtemp(join(tmpdir(), 'lamina-outside-'));
  });
  afterEach(async () => {
    await setup.close();
    await rm(outside, { recursive: true });
  });

  const load = async (manifest: string, files: Readonly<Record<string, string | Buffer | number>> = {}) => {
    await setup.write({ ...files, 'models.yaml': manifest });
    await setup.registry.load();
  };
  const manifestText = () => readFile(join(setup.modelsDir, 'models.yaml'), 'utf8');
  const exists = (path: string) =>
    stat(path).then(
      () => true,
      () => false,
    );

  describe('validate', () => {
    it('reports every problem with the files of every model, and its kind', async () => {
      const tensors = Buffer.concat([
        Buffer.from([60, 0, 0, 0, 0, 0, 0, 0]),
        Buffer.from(JSON.stringify({ a: { dtype: 'F16', shape: [2, 2], data_offsets: [0, 8] } }).padEnd(60)),
        Buffer.alloc(4),
      ]);
      await load(
        ['good', 'absent', 'empty', 'cut', 'page', 'tensors', 'broken']
          .map((name) => `  ${name}: { path: ${name}${['tensors', 'broken'].includes(name) ? '' : '.gguf'} }\n`)
          .join('')
          .replace(/^/, 'models:\n') +
          '  shards: { path: s-00001-of-00002.gguf }\n  poet: { path: good.gguf, base: nobody }\n',
        {
          'good.gguf': gguf,
          'empty.gguf': 0,
          'cut.gguf': gguf.subarray(0, -10),
          'page.gguf': '<!DOCTYPE html><html></html>',
          'tensors/config.json': '{}',
          'tensors/model.safetensors': tensors,
          'broken/config.json': '{',
          'broken/model.safetensors': tensors.subarray(0, 30),
          's-00001-of-00002.gguf': gguf,
        },
      );
      const checks = await setup.registry.validate();
      const kinds = Object.fromEntries(
        checks.map(({ name, problems }) => [
          name,
          problems.map(({ kind, message }) => `${kind}: ${message.replace(/(not JSON):.*/, '$1')}`),
        ]),
      );
      assert.deepEqual(kinds, {
        good: [],
        absent: ['absent: absent.gguf does not exist'],
        empty: ['empty: empty.gguf is empty'],
        cut: [
          `truncated: cut.gguf: it has ${gguf.length - 10} of the ${gguf.length} bytes that its header announces; download it again`,
        ],
        page: [
          'wrong_format: page.gguf: it is a web page (HTML), not the file itself; download it again, with the address of the file instead of its page',
        ],
        tensors: [
          'truncated: model.safetensors: it has 72 of the 76 bytes that its header announces; download it again',
        ],
        broken: [
          'wrong_format: config.json: it is not JSON',
          'truncated: model.safetensors: it ends within its header: 68 bytes are needed and only 30 are there',
        ],
        shards: ['shard_missing: of the 2 shards of s number 2 is not there'],
        poet: ['base_missing: its base model "nobody" is not known'],
      });
    });

    it('reports that a file may not be read (skipped for root, which may read every file)', async function () {
      if (process.getuid?.() === 0) this.skip();
      await load('models:\n  a: { path: a.gguf }\n', { 'a.gguf': gguf });
      await chmod(join(setup.modelsDir, 'a.gguf'), 0);
      assert.deepEqual(
        (await setup.registry.validate(['a']))[0]!.problems.map(({ kind }) => kind),
        ['unreadable'],
      );
    });

    it('reads the disk again, and only for the requested models', async () => {
      await load('models:\n  a: { path: a.gguf, aliases: [x] }\n  b: {}\n', { 'a.gguf': gguf });
      await rm(join(setup.modelsDir, 'a.gguf'));
      assert.deepEqual(
        (await setup.registry.validate(['x'])).map(({ name, problems }) => [name, problems[0]!.kind]),
        [['a', 'absent']],
      );
      await assert.rejects(setup.registry.validate(['nobody']), { code: 'MODEL_NOT_FOUND' });
    });

    it('ends when its caller aborts', async () => {
      await load('models:\n  a: { path: a.gguf }\n', { 'a.gguf': gguf });
      await assert.rejects(setup.registry.validate(undefined, { signal: AbortSignal.abort() }), { code: 'ABORTED' });
    });
  });

  describe('save', () => {
    it('writes an entry and adds the model', async () => {
      await load('models:\n  # mine\n  a: { path: a.gguf }\n', { 'b.gguf': gguf });
      const record = await setup.registry.save('b', { path: 'b.gguf', description: 'second' });
      assert.deepEqual([record.available, record.model.from, record.entry.description], [true, 'manifest', 'second']);
      assert.equal(
        await manifestText(),
        'models:\n  # mine\n  a: { path: a.gguf }\n  b:\n    path: b.gguf\n    description: second\n',
      );
      assert.deepEqual(setup.events.filter(({ type }) => type === 'manifest.changed').length, 1);
    });

    it('rejects what a manifest cannot contain, and names outside the models directory', async () => {
      await load('models:\n  a: { path: a.gguf }\n');
      for (const [name, entry] of [
        ['../x', {}],
        ['b', { path: '../x.gguf' }],
        ['b', { pinned: 'yes' }],
        ['b', { aliases: ['a'] }],
        ['', {}],
      ] as const) {
        await assert.rejects(setup.registry.save(name, entry as never), { code: 'REQUEST_INVALID' }, name);
      }
      assert.equal(await manifestText(), 'models:\n  a: { path: a.gguf }\n');
    });

    it('keeps an entry in memory when the manifest is data', async () => {
      const other = await openTestRegistry({ manifest: { models: { a: {} } } });
      try {
        await other.registry.load();
        await other.registry.save('b', { path: 'b.gguf' });
        await other.registry.remove('a');
        assert.deepEqual(
          other.registry.list().map(({ model }) => model.name),
          ['b'],
        );
      } finally {
        await other.close();
      }
    });
  });

  describe('add', () => {
    const kept = '# Mine\nmodels:\n  a: { path: a.gguf } # the first\ndefaults: { chat: a } # end\n';

    it('writes models, backends and groups in one step, and keeps every other byte', async () => {
      await load(kept, { 'a.gguf': gguf, 'b.gguf': gguf });
      await setup.registry.add({
        backends: { mine: { type: 'command', command: 'serve', formats: ['gguf'] } },
        models: { b: { path: 'b.gguf', backend: 'mine' }, 'c:1': { path: 'c.gguf', base: 'b' } },
        groups: { one: { models: ['a', 'b'] } },
      });
      assert.equal(
        await manifestText(),
        `${kept.replace(
          'first\n',
          'first\n  b:\n    path: b.gguf\n    backend: mine\n  "c:1":\n    path: c.gguf\n    base: b\n',
        )}backends:\n  mine:\n    type: command\n    command: serve\n    formats: [gguf]\ngroups:\n  one:\n    models: [a, b]\n`,
      );
      assert.deepEqual([setup.registry.get('b')?.available, setup.registry.get('c:1')?.model.base], [true, 'b']);
    });

    it('makes a manifest where there is none', async () => {
      await setup.registry.load();
      await setup.registry.add({ models: { b: { path: 'b.gguf' } } });
      assert.equal(await manifestText(), 'models:\n  b:\n    path: b.gguf\n');
    });

    it('writes nothing when one of the entries is there or invalid', async () => {
      await load(`${kept}groups: { one: { models: [a] } }\n`, { 'a.gguf': gguf });
      const before = await manifestText();
      const b = { b: { path: 'b.gguf' } };
      await assert.rejects(setup.registry.add({ models: { ...b, a: { path: 'x.gguf' } } }), {
        code: 'CONFLICT',
        message: /"models" of the manifest has "a" already/,
      });
      await assert.rejects(setup.registry.add({ models: b, groups: { one: { models: ['b'] } } }), { code: 'CONFLICT' });
      await assert.rejects(setup.registry.add({ models: { ...b, c: { aliases: ['a'] } } }), {
        code: 'REQUEST_INVALID',
        message: /already the name of a model/,
      });
      assert.equal(await manifestText(), before);
    });
  });

  describe('install', () => {
    it('links a file below the name of the model and writes the entry', async () => {
      await load('models: {}\n');
      await writeFile(join(outside, 'x.gguf'), gguf);
      const { available, entry, model } = await setup.registry.install('org/x:q4', join(outside, 'x.gguf'), {
        entry: { use_cases: ['chat'] },
      });
      assert.deepEqual([available, entry], [true, { path: 'org/x:q4/x.gguf', use_cases: ['chat'] }]);
      assert.equal((await stat(model.files[0]!.path)).ino, (await stat(join(outside, 'x.gguf'))).ino);
    });

    it('installs what a link leads to, not a link that leads nowhere from its new place', async () => {
      for (const directory of ['blobs', 'snapshot']) await mkdir(join(outside, directory));
      await writeFile(join(outside, 'blobs/0123'), gguf);
      await symlink('../blobs/0123', join(outside, 'snapshot/x.gguf'));
      await load('models: {}\n');
      const { available, model } = await setup.registry.install('x', join(outside, 'snapshot/x.gguf'));
      assert.equal(available, true);
      assert.equal((await lstat(model.files[0]!.path)).ino, (await stat(join(outside, 'blobs/0123'))).ino);
    });

    it('copies on request, with all shards and the projector', async () => {
      await load('models: {}\n');
      for (const name of ['v-00001-of-00002.gguf', 'v-00002-of-00002.gguf', 'mmproj.gguf'])
        await writeFile(join(outside, name), gguf);
      const { model } = await setup.registry.install('v', join(outside, 'v-00002-of-00002.gguf'), { mode: 'copy' });
      assert.deepEqual(
        model.files.map(({ role, bytes }) => [role, bytes]),
        [
          ['weights', gguf.length],
          ['weights', gguf.length],
          ['projector', gguf.length],
        ],
      );
      assert.notEqual((await stat(model.files[0]!.path)).ino, (await stat(join(outside, 'v-00001-of-00002.gguf'))).ino);
    });

    it('installs a whole directory', async () => {
      await load('models: {}\n');
      await writeFile(join(outside, 'config.json'), '{}');
      await writeFile(join(outside, 'model.safetensors'), 'x');
      const { model, entry } = await setup.registry.install('st', outside);
      assert.deepEqual(
        [model.format, entry.path, (await readdir(join(setup.modelsDir, 'st'))).sort()],
        ['safetensors', 'st', ['config.json', 'model.safetensors']],
      );
    });

    it('puts the file of a known model where its entry expects it', async () => {
      await load('models:\n  a:\n    path: deep/name.gguf   # here\n');
      await writeFile(join(outside, 'other-name.gguf'), gguf);
      const { available, model } = await setup.registry.install('a', join(outside, 'other-name.gguf'));
      assert.deepEqual([available, model.files[0]!.path], [true, join(setup.modelsDir, 'deep/name.gguf')]);
      assert.equal(await manifestText(), 'models:\n  a:\n    path: deep/name.gguf   # here\n');
    });

    it('uses files in place that are already in the models directory', async () => {
      await load('models: {}\n', { 'stray/x.gguf': gguf });
      assert.equal(
        (await setup.registry.install('x', join(setup.modelsDir, 'stray/x.gguf'))).entry.path,
        'stray/x.gguf',
      );
    });

    it('rejects files that are not a model, existing names, and names outside the directory, and leaves nothing behind', async () => {
      await load('models:\n  a: { path: a.gguf }\n', { 'a.gguf': gguf, 'taken/x.gguf': 5 });
      await writeFile(join(outside, 'x.gguf'), gguf);
      const install = (name: string, file: string) => setup.registry.install(name, join(outside, file));
      await assert.rejects(install('n', 'absent.gguf'), { code: 'REQUEST_INVALID', message: /does not exist/ });
      await assert.rejects(install('a', 'x.gguf'), { code: 'CONFLICT', message: /already here/ });
      await assert.rejects(install('taken', 'x.gguf'), { code: 'CONFLICT', message: /not be overwritten/ });
      await assert.rejects(install('../out', 'x.gguf'), { code: 'REQUEST_INVALID' });
      await assert.rejects(
        setup.registry.install('n', join(outside, 'x.gguf'), { mode: 'copy', signal: AbortSignal.abort() }),
        { code: 'ABORTED' },
      );
      assert.deepEqual((await readdir(setup.modelsDir)).filter((name) => !name.startsWith('.')).sort(), [
        'a.gguf',
        'models.yaml',
        'taken',
      ]);
    });

    it('deletes the files again when the manifest cannot be written', async () => {
      await load('models:\n  a: { path: a.gguf }\n');
      await writeFile(join(setup.modelsDir, 'models.yaml'), 'models: [\n');
      await writeFile(join(outside, 'x.gguf'), gguf);
      await assert.rejects(setup.registry.install('n', join(outside, 'x.gguf')), { code: 'CONFLICT' });
      assert.equal(await exists(join(setup.modelsDir, 'n')), false);
    });
  });

  it('keeps a file of another program next to the one it copies', async () => {
    await writeFile(join(outside, 'x.gguf'), gguf);
    await load('models: {}\n', { 'n/x.gguf.part': 'theirs' });
    await setup.registry.install('n', join(outside, 'x.gguf'), { mode: 'copy' });
    assert.equal(await readFile(join(setup.modelsDir, 'n/x.gguf.part'), 'utf8'), 'theirs');
  });

  describe('remove', () => {
    it('removes the entry and keeps the files, and says under which name they are discovered', async () => {
      await load('models:\n  a: { path: x/a.gguf }\n  b: {}\n', { 'x/a.gguf': gguf });
      assert.deepEqual(await setup.registry.remove('a'), { deleted: [], kept: [], remaining: ['x/a'] });
      assert.equal(setup.registry.get('x/a')?.model.from, 'discovered');
      assert.equal(await manifestText(), 'models:\n  b: {}\n');
      assert.equal(await exists(join(setup.modelsDir, 'x/a.gguf')), true);
    });

    it('deletes the files on request, and directories that become empty', async () => {
      await load('models:\n  a: { path: x/y/a.gguf }\n', { 'x/y/a.gguf': gguf, 'x/other.txt': 1 });
      const { deleted } = await setup.registry.remove('a', { files: true });
      assert.deepEqual(deleted, [join(setup.modelsDir, 'x/y/a.gguf'), join(setup.modelsDir, 'x/y')]);
      assert.deepEqual(
        [await exists(join(setup.modelsDir, 'x/y')), await exists(join(setup.modelsDir, 'x'))],
        [false, true],
      );
      assert.deepEqual(setup.registry.list(), []);
    });

    it('keeps files that another model uses, or that are outside the models directory', async () => {
      await writeFile(join(outside, 'far.gguf'), gguf);
      await load(
        `models:\n  a: { path: s.gguf }\n  b: { path: s.gguf }\n  far: { path: ${join(outside, 'far.gguf')} }\n`,
        { 's.gguf': gguf },
      );
      assert.deepEqual(await setup.registry.remove('a', { files: true }), {
        deleted: [],
        kept: ['s.gguf stays: the model "b" uses it too.'],
        remaining: ['b'],
      });
      assert.deepEqual((await setup.registry.remove('far', { files: true })).kept, [
        'far.gguf stays: it is outside the models directory.',
      ]);
      assert.ok((await exists(join(setup.modelsDir, 's.gguf'))) && (await exists(join(outside, 'far.gguf'))));
    });

    it('never deletes through a link, nor the models directory itself', async () => {
      await writeFile(join(outside, 'x.gguf'), gguf);
      await symlink(outside, join(setup.modelsDir, 'link'));
      await load('models:\n  a: { path: link/x.gguf }\n  all: { path: . }\n', {
        'config.json': '{}',
        'model.safetensors': 1,
      });
      await setup.registry.remove('a', { files: true });
      await setup.registry.remove('all', { files: true });
      assert.ok((await exists(join(outside, 'x.gguf'))) && (await exists(setup.modelsDir)));
    });

    it('removes a discovered model only together with its files', async () => {
      await load('models: {}\n', { 'a.gguf': gguf });
      await assert.rejects(setup.registry.remove('a'), { code: 'CONFLICT', message: /not in the manifest/ });
      await setup.registry.remove('a', { files: true });
      assert.deepEqual(setup.registry.list(), []);
      await assert.rejects(setup.registry.remove('a'), { code: 'MODEL_NOT_FOUND' });
    });
  });

  it('counts a hard link like any other file', async () => {
    await load('models:\n  a: { path: l.gguf }\n', { 'x/o.gguf': gguf });
    await link(join(setup.modelsDir, 'x/o.gguf'), join(setup.modelsDir, 'l.gguf'));
    await setup.registry.reload();
    assert.equal(setup.registry.get('a')!.available, true);
  });
});
