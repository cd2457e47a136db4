// What an operator links into the models directory is served; names and paths from the network stay inside it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyGguf } from '@lamina/testing';
import type { ModelsView } from '@lamina/core/protocol';
import { chat, errorOf, startTestServer, until, type TestServer } from './support/test-server.js';

describe('folders and files that are linked into the models directory', () => {
  let testServer: TestServer;
  /** Another disk. */
  let elsewhere: string;

  beforeEach(async () => {
    elsewhere = await mkdtemp(join(tmpdir(), 'lamina-elsewhere-'));
    testServer = await startTestServer({
      models: {},
      entries: {
        named: { path: 'disk/model.fake', backend: 'fake' },
        file: { path: 'file.fake', backend: 'fake' },
        draft: { path: 'model.fake', backend: 'fake', draft: 'disk/model.fake' },
      },
    });
  });
  afterEach(async () => {
    await testServer.close();
    await rm(elsewhere, { recursive: true });
  });

  const at = (path: string) => join(testServer.modelsDir, path);
  const away = async (path: string) => {
    const file = join(elsewhere, path);
    await mkdir(join(file, '..'), { recursive: true });
    await tinyGguf(file);
    return file;
  };
  const available = async () => {
    const { models } = (await (await fetch(`${testServer.url}/models`)).json()) as ModelsView;
    return Object.keys(models)
      .filter((name) => models[name]!.available)
      .sort();
  };
  /** Reloads until all headers are read. */
  const serves = async (...names: readonly string[]) => {
    await testServer.post('/models/reload', '');
    await until(`${names.join(', ')}`, async () => (await available()).length >= names.length);
    await testServer.post('/models/reload', '');
    assert.deepEqual(await available(), names);
  };

  it('are used by entries of the manifest with relative paths', async () => {
    await away('model.fake');
    await symlink(elsewhere, at('disk'));
    await symlink(join(elsewhere, 'model.fake'), at('file.fake'));
    await serves('draft', 'file', 'named');
    for (const model of ['named', 'file'])
      assert.equal((await testServer.post('/v1/chat/completions', chat(model))).status, 200);
  });

  it('are searched for models, named by the links; also in the cache of Hugging Face', async () => {
    const hub = 'hub/models--org--tiny';
    const blob = await away(`${hub}/blobs/0123456789abcdef`);
    await mkdir(join(elsewhere, hub, 'snapshots/4f2a'), { recursive: true });
    await symlink('../../blobs/0123456789abcdef', join(elsewhere, hub, 'snapshots/4f2a/tiny-Q8_0.gguf'));
    await symlink(join(elsewhere, hub, 'snapshots/4f2a'), at('tiny'));
    await symlink(blob, at('blob.gguf'));
    await serves('blob', 'tiny/tiny-Q8_0');
    await rm(at('tiny'));
    await symlink(join(elsewhere, 'hub'), at('hf'));
    await serves('blob', 'hf/models--org--tiny/snapshots/4f2a/tiny-Q8_0');
  });

  it('are searched once, and never above the models directory', async () => {
    await tinyGguf(at('a.gguf'));
    await away('x/b.gguf');
    await away('deep/y/c.gguf');
    await symlink(elsewhere, join(elsewhere, 'x/loop'));
    await symlink('.', at('self'));
    await symlink('..', at('up'));
    await symlink('/', at('root'));
    await symlink('circle', at('circle'));
    await symlink(join(elsewhere, 'x'), at('first'));
    await symlink(join(elsewhere, 'x'), at('second'));
    await serves('a', 'first/b', 'first/loop/deep/y/c');
  });

  it('are watched: a model that is added to one is offered', async () => {
    await symlink(elsewhere, at('disk'));
    await testServer.post('/models/reload', '');
    const found = testServer.lamina.events.once('model.discovered', { signal: AbortSignal.timeout(20_000) });
    await away('new.gguf');
    assert.equal((await found).model, 'disk/new');
  });

  it('take downloads', async () => {
    const files = createServer((_request, response) => response.end('a fake model')).listen(0, '127.0.0.1');
    await once(files, 'listening');
    try {
      await symlink(elsewhere, at('disk'));
      const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/far.fake`;
      const answer = await testServer.post('/download', { reference: url, name: 'disk/far' });
      const { id } = (await answer.json()) as { id: string };
      await testServer.lamina.downloads.wait(id);
      assert.equal(await readFile(join(elsewhere, 'far/far.fake'), 'utf8'), 'a fake model');
      await serves('disk/far');
      for (const name of ['disk/../../far', '../far', '/far', 'disk/.hidden']) {
        const refused = await testServer.post('/download', { reference: url, name });
        assert.deepEqual([refused.status, (await errorOf(refused)).code], [400, 'REQUEST_INVALID'], name);
      }
    } finally {
      files.closeAllConnections();
      files.close();
    }
  });

  it('lose their link when a model is deleted, never what it leads to', async () => {
    await away('x.gguf');
    await symlink(join(elsewhere, 'x.gguf'), at('link.gguf'));
    await symlink(elsewhere, at('disk'));
    await serves('disk/x', 'link');
    const remove = async (name: string) =>
      (await (
        await fetch(`${testServer.url}/models/${encodeURIComponent(name)}?files=1`, { method: 'DELETE' })
      ).json()) as { deleted: string[]; kept: string[] };
    assert.deepEqual(await remove('link'), { removed: 'link', deleted: [at('link.gguf')], kept: [], remaining: [] });
    await assert.rejects(lstat(at('link.gguf')));
    assert.deepEqual((await remove('disk/x')).kept, [
      'disk/x.gguf stays: its folder is reached through a symbolic link; delete it where the link leads.',
    ]);
    assert.deepEqual(await readdir(elsewhere), ['x.gguf']);
    assert.ok((await stat(join(elsewhere, 'x.gguf'))).size > 0);
  });
});
