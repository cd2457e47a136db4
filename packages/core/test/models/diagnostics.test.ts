// What is wrong in a manifest that loads is found without starting a model: by hosts, and in the log.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@lamina/core';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';

describe('the diagnostics of the models', () => {
  let lamina: TestLamina;
  let warnings: { readonly line?: number; readonly message: string }[];
  afterEach(() => lamina.close());

  const open = async (manifest: string, files?: Readonly<Record<string, string>>) => {
    warnings = [];
    const warn = ({ line, event }: { line?: number; event?: string }, message: string) =>
      void (event === undefined && warnings.push({ ...(line === undefined ? {} : { line }), message }));
    const log: Logger = { debug: () => undefined, info: () => undefined, warn, error: warn, child: () => log };
    lamina = await createTestLamina({
      files: { 'a.fake': 'a', 'models.yaml': manifest, ...files },
      plugins: [fakePlugin()],
      log,
      mode: files === undefined ? 'owner' : 'attached', // Waits until the headers of all files are read.
    });
  };
  const change = async (manifest: string) => {
    await writeFile(join(lamina.modelsDir, 'models.yaml'), manifest);
    await lamina.models.reload();
  };
  const found = (names?: readonly string[]) =>
    lamina.models.diagnostics(names).map(({ severity, model = '', line, column, message }) => {
      return [severity, model, line, column, message.replace(/; (did|known|nothing).*/, '')] as const;
    });

  it('name what cannot work and what has no effect, each with its place', async () => {
    await open(`models:
  a: { path: a.fake, backned: fake }
  b: { path: a.fake, backend: fakke }
  c:
    path: a.fake
    backend: fake
    options: { context_length: many, contxt: 1 }
  d: { path: a.gguf, limits: { idle_timout: 5 } }
  e: { path: a.fake, backend: remote-like, aliases: [other] }
  adapter: { path: a.fake, base: a }
categories: { small: [a, nobody] }
defaults: { chat: nobody }
groups: { big: { models: [a, other, nobody, adapter], max: 1 } }
backends:
  fake: { executabel: /bin/x }
  mine: { type: fak, x: 1 }
  remote-like: { type: remote, base_url: 5 }
default: { chat: a }
`);
    assert.deepEqual(found(), [
      ['warning', 'a', 2, 22, 'models.a.backned is not a key Lamina knows and is kept as it is'],
      ['error', 'b', 3, 22, 'models.b.backend is "fakke", and no backend has that name'],
      ['warning', 'd', 8, 32, 'models.d.limits.idle_timout is not a key Lamina knows and is kept as it is'],
      ['warning', '', 11, 26, 'categories.small.1 is "nobody", and no model has that name'],
      ['warning', '', 12, 13, 'defaults.chat is "nobody", and no model has that name'],
      ['warning', '', 13, 55, 'groups.big.max is not a key Lamina knows and is kept as it is'],
      ['warning', '', 13, 37, 'groups.big.models.2 is "nobody", and no model has that name'],
      ['warning', '', 13, 45, 'groups.big.models.3 is "adapter", which the server of "a" serves; write "a"'],
      ['error', '', 15, 11, 'backends.fake.executabel is not known here'],
      ['error', '', 16, 11, 'backends.mine.type is "fak", which no plugin provides'],
      ['error', '', 17, 32, 'backends.remote-like.base_url must be string, not 5'],
      ['warning', '', 18, 1, 'default is not a key Lamina knows and is kept as it is'],
    ]);
    assert.match(lamina.models.diagnostics()[1]!.message, /; did you mean "fake"\?$/);
    assert.equal(lamina.models.diagnostics()[1]!.file, join(lamina.modelsDir, 'models.yaml'));
    assert.equal(found(['b']).length, 1);
  });

  it('name options of a model that its backend does not have or that are of a wrong type', async () => {
    const options = '{ context_length: many, contxt: 1 }';
    await open(`models:
  named: { path: a.fake, backend: fake, options: ${options} }
  by-format: { path: a.fake, format: fake, options: ${options} }
  fine: { path: a.fake, backend: fake, options: { context_length: 512 } }
`);
    for (const [name, line] of [
      ['named', 2],
      ['by-format', 3],
    ] as const)
      assert.deepEqual(
        found([name]).map(([severity, , at, , message]) => [severity, at, message]),
        [
          ['error', line, `models.${name}.options.contxt is not known here`],
          ['error', line, `models.${name}.options.context_length must be integer, not "many"`],
        ],
      );
    assert.deepEqual(found(['fine']), []);
  });

  it('say that the backend of a model does not open its files', async () => {
    await open(`models:
  a: { path: a.fake, format: fake, backend: far }
  gone: { path: gone.fake, format: fake, backend: far }
backends:
  far: { type: command, command: x, formats: [gguf] }
`);
    assert.deepEqual(found(), [
      ['error', 'a', 2, 36, 'models.a.backend is "far", which opens gguf, and the model is fake'],
    ]);
  });

  it('are logged as warnings with their line when they are found, each once', async () => {
    const manifest = 'models:\n  a: { path: a.fake, backend: fake, nots: x }\n';
    await open(manifest);
    assert.deepEqual(
      warnings.map(({ line }) => line),
      [2],
    );
    await change(`# moved by a line\n${manifest}  b: { path: a.fake, options: { tokens: 1 }, backend: fake }\n`);
    assert.deepEqual(
      warnings.map(({ line }) => line),
      [2, 4],
    );
    assert.match(warnings[1]!.message, /^models\.b\.options\.tokens /);
    assert.deepEqual(
      found().map(([, , line]) => line),
      [3, 4],
    );
    await change('models:\n  a: { path: a.fake, backend: fake }\n');
    assert.deepEqual(found(), []);
  });

  it('say why a changed manifest is not used, while the models stay', async () => {
    await open('models:\n  a: { path: a.fake, backend: fake, nots: x }\n');
    await assert.rejects(change('models:\n  a: { path: 5 }\n'), { code: 'CONFIG_INVALID' });
    assert.deepEqual(
      found(['a']).map(([severity, , line, column]) => [severity, line, column]),
      [['error', 2, 8]],
    );
    assert.equal(lamina.models.get('a')?.available, true);
    await change('models:\n  a: { path: a.fake, backend: fake }\n');
    assert.deepEqual(found(), []);
  });

  it('name files on disk that are not offered as models', async () => {
    await open('models: {}\n', { 'page.gguf': '<!DOCTYPE html><title>Not found</title>' });
    const [{ severity, file, message }] = lamina.models.diagnostics() as [
      { severity: string; file: string; message: string },
    ];
    assert.deepEqual([severity, file], ['warning', join(lamina.modelsDir, 'page.gguf')]);
    assert.match(message, /^the file is not offered as a model: page\.gguf: /);
    await rm(join(lamina.modelsDir, 'page.gguf'));
    await lamina.models.reload();
    assert.deepEqual(found(), []);
  });

  it('concern a backend that is then not replaced by one with default options', async () => {
    await open('models:\n  a: { path: a.fake, backend: fake }\nbackends:\n  fake: { executabel: /bin/x }\n');
    const fake = (await lamina.backends.list()).filter(({ name }) => name === 'fake');
    assert.deepEqual(
      fake.map(({ availability }) => availability.available),
      [false],
    );
  });
});
