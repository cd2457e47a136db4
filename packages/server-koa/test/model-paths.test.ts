// Paths in the manifest: `~` and variables are expanded, one bad path makes one model unusable, and what is no model is
// called by its name.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelsView, ValidationView } from '@lamina/core/protocol';
import { createTestLamina, fakePlugin, tinyGguf, type TestLamina } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';
import { chat, until } from './support/test-server.js';

const lfsPointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 4683073536\n`;
const webPage =
  '\uFEFF\n<!-- mirror -->\n<!DOCTYPE html>\n<html lang="en"><title>tiny.gguf · Hugging Face</title></html>';

describe('a path in the manifest', () => {
  let lamina: TestLamina;
  let server: Server;
  let url: string;
  let home: string;

  beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'lamina-home-'))));
  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close({ signal: AbortSignal.abort() });
    await rm(home, { recursive: true });
  });

  async function serve(manifest: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
    const env = { ...process.env, HOME: home, MODELS: join(home, 'disk'), UNSET: undefined, EMPTY: '' };
    lamina = await createTestLamina({ env, plugins: [fakePlugin()], files: { ...files, 'models.yaml': manifest } });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  }
  const manifest = () => readFile(join(lamina.modelsDir, 'models.yaml'), 'utf8');
  const models = async () => ((await (await fetch(`${url}/models`)).json()) as ModelsView).models;
  const missing = async (name: string) => {
    const detail = (await (await fetch(`${url}/models/${name}`)).json()) as { missing?: string[] };
    return detail.missing;
  };
  const post = (path: string, body: object) => fetch(url + path, { method: 'POST', body: JSON.stringify(body) });

  it('may begin with the home directory and contain variables', async () => {
    await mkdir(join(home, 'disk'));
    for (const file of ['a.fake', 'disk/b.fake']) await writeFile(join(home, file), 'a fake model');
    const text =
      'models:\n  a: { path: ~/a.fake, backend: fake } # mine\n  b: { path: "${MODELS}/b.fake", backend: fake, draft: ~/a.fake }\n';
    await serve(text);
    for (const name of ['a', 'b']) assert.equal((await post('/v1/chat/completions', chat(name))).status, 200, name);
    await lamina.models.save('a', { ...lamina.models.get('a')!.entry, pinned: true });
    assert.equal(await manifest(), text.replace('a.fake, backend: fake }', 'a.fake, backend: fake, pinned: true }'));
  });

  it('stays as it is written when the model is downloaded or installed', async () => {
    const source = join(home, 'source.fake');
    await writeFile(source, 'a fake model');
    await serve(
      `models:\n  pulled: { path: "\${MODELS}/p.fake", backend: fake, download: { local: ${source} } }\n  put: { path: ~/put.fake, backend: fake }\n`,
    );
    const { id } = (await (await post('/download', { model: 'pulled' })).json()) as { id: string };
    await lamina.downloads.wait(id);
    await lamina.models.install('put', source);
    for (const file of ['disk/p.fake', 'put.fake'])
      assert.equal(await readFile(join(home, file), 'utf8'), 'a fake model');
    const text = await manifest();
    assert.ok(text.includes('"${MODELS}/p.fake"') && text.includes('path: ~/put.fake'), text);
    for (const name of ['pulled', 'put']) assert.equal((await post('/v1/chat/completions', chat(name))).status, 200);
  });

  it('makes only its own model unusable when it is bad, and is not downloaded to', async () => {
    await mkdir(join(home, 'disk'));
    await serve(
      [
        'models:',
        '  good: { path: good.fake, backend: fake }',
        '  unset: { path: "${UNSET}/x.gguf", download: { url: "http://127.0.0.1:9/x.gguf" } }',
        '  empty: { path: "a/${EMPTY}/x.gguf" }',
        '  up: { path: ../x.gguf, download: { url: "http://127.0.0.1:9/x.gguf" } }',
        '  nul: { path: "a\\0b.gguf" }',
        '  nowhere: { path: /nowhere/x.gguf }',
        '  circle: { path: circle/x.gguf }',
        '  gone: { path: gone.gguf }',
        '  draft: { path: good.fake, backend: fake, draft: "${UNSET}" }',
        '',
      ].join('\n'),
      { 'good.fake': 'a fake model' },
    );
    await symlink('circle', join(lamina.modelsDir, 'circle'));
    await symlink('nothing', join(lamina.modelsDir, 'gone.gguf'));
    await post('/models/reload', {});
    const unset = (key: string, variable: string) =>
      `its ${key} uses the environment variable ${variable}, which is not set; set it for Lamina, or write the path without it`;
    const expected = {
      unset: unset('path', 'UNSET'),
      empty: unset('path', 'EMPTY'),
      up: 'its path leaves the models directory; write a path below it, or an absolute one',
      nul: 'its path has a NUL character in it; remove it',
      nowhere: 'x.gguf does not exist',
      circle: 'circle/x.gguf is a symbolic link that leads back to itself',
      gone: 'gone.gguf is a symbolic link to a file that does not exist',
      draft: unset('draft', 'UNSET'),
    };
    const validation = (await (await post('/models/validate', {})).json()) as ValidationView;
    for (const [name, reason] of Object.entries(expected)) {
      assert.deepEqual(await missing(name), [reason], name);
      assert.deepEqual(
        validation.models[name]?.problems.map(({ message }) => message),
        [reason],
      );
    }
    assert.equal((await post('/v1/chat/completions', chat('good'))).status, 200);
    for (const model of ['unset', 'up']) assert.equal((await post('/download', { model })).status, 409, model);
  });

  it('is expanded in options of backends and models that are paths, too', async () => {
    await serve(
      'backends:\n  one: { type: fake, executable: ~/engine }\n  two: { type: fake, executable: "${UNSET}/engine" }\nmodels: {}\n',
    );
    const { backends } = (await (await fetch(`${url}/backends`)).json()) as {
      backends: Record<string, { reason: string }>;
    };
    assert.match(backends['one']!.reason, new RegExp(`there is no file ${home}/engine`));
    assert.match(
      backends['two']!.reason,
      /its option "executable" uses the environment variable UNSET, which is not set/,
    );
  });

  it('to a folder ignores hidden files', async () => {
    await serve('models:\n  one: { path: one }\n  two: { path: two }\n');
    await mkdir(join(lamina.modelsDir, 'one'));
    await mkdir(join(lamina.modelsDir, '.hidden'));
    for (const file of ['one/m.gguf', '.hidden/m.gguf', '.alone.gguf']) await tinyGguf(join(lamina.modelsDir, file));
    for (const file of ['one/._m.gguf', 'one/._mmproj-f16.gguf', '._m.gguf'])
      await writeFile(join(lamina.modelsDir, file), '\0\u0005\u0016\u0007');
    await post('/models/reload', {});
    assert.equal(await missing('one'), undefined);
    assert.deepEqual(
      lamina.models.get('one')!.model.files.map(({ path }) => path),
      [join(lamina.modelsDir, 'one/m.gguf')],
    );
    assert.deepEqual(Object.keys(await models()).sort(), ['one', 'two']);
  });

  it('to a pointer of Git LFS or a web page is called that, with what to do', async () => {
    const cases = {
      'lfs.gguf': lfsPointer,
      'page.gguf': webPage,
      'st/model.safetensors': lfsPointer,
      'html/config.json': webPage,
    };
    await serve(
      'models:\n  lfs: { path: lfs.gguf }\n  page: { path: page.gguf }\n  st: { path: st }\n  html: { path: html }\n',
    );
    for (const folder of ['st', 'html']) await mkdir(join(lamina.modelsDir, folder));
    await writeFile(join(lamina.modelsDir, 'st/config.json'), '{}');
    await writeFile(join(lamina.modelsDir, 'html/model.safetensors'), `\u0002${'\0'.repeat(7)}{}`);
    for (const [file, text] of Object.entries(cases)) await writeFile(join(lamina.modelsDir, file), text);
    await post('/models/reload', {});
    await until('all are found', async () => Object.values(await models()).every(({ available }) => available));
    const { models: checks } = (await (await post('/models/validate', {})).json()) as {
      models: Record<string, { problems: { kind: string; message: string }[] }>;
    };
    for (const [name, pattern] of [
      ['lfs', /^lfs\.gguf: it is a pointer of Git LFS, .*run "git lfs pull"/],
      ['page', /^page\.gguf: it is a web page \(HTML\), .*the address of the file instead of its page/],
      ['st', /^model\.safetensors: it is a pointer of Git LFS/],
      ['html', /^config\.json: it is a web page \(HTML\)/],
    ] as const) {
      assert.match(checks[name]!.problems[0]?.message ?? '', pattern, name);
    }
  });
});
