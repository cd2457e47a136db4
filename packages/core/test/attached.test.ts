// An attached Lamina next to the owner of a data directory: it reads everything, writes no state, and starts
// nothing.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina } from '@lamina/core';
import { fakePlugin, tinyGguf } from '@lamina/testing';

describe('an attached Lamina', () => {
  let modelsDir: string;
  const open: Lamina[] = [];

  beforeEach(async () => {
    modelsDir = join(await mkdtemp(join(tmpdir(), 'lamina-attached-')), 'models');
    await mkdir(modelsDir);
    await writeFile(join(modelsDir, 'tiny.fake'), 'a fake model');
    await writeFile(join(modelsDir, 'models.yaml'), 'models:\n  tiny: { path: tiny.fake, backend: fake }\n');
  });

  afterEach(async () => {
    for (const lamina of open.splice(0).reverse()) await lamina.close({ signal: AbortSignal.abort() });
    await rm(join(modelsDir, '..'), { recursive: true });
  });

  const lamina = async (
    options: { mode?: 'owner' | 'attached'; downloads?: { autoResume?: boolean; maxConcurrent?: number } } = {},
  ) => {
    const made = await createLamina({ modelsDir, plugins: [fakePlugin()], log: 'silent', ...options });
    open.push(made);
    return made;
  };

  it('lists the models of a directory that has an owner, including those that are not in the manifest', async () => {
    await lamina();
    await tinyGguf(join(modelsDir, 'found.gguf'));
    const attached = await lamina({ mode: 'attached' });
    assert.deepEqual(
      attached.models.list().map(({ model, available }) => [model.name, available]),
      [
        ['tiny', true],
        ['found', true],
      ],
    );
    assert.deepEqual(
      (await attached.models.validate()).flatMap(({ problems }) => problems),
      [],
    );
    assert.equal((await attached.suggestions.suggest({})).suggested.record.model.name, 'tiny');
  });

  it('leaves no files behind', async () => {
    await tinyGguf(join(modelsDir, 'found.gguf'));
    await (await lamina({ mode: 'attached' })).close();
    assert.deepEqual(readdirSync(modelsDir).sort(), ['found.gguf', 'models.yaml', 'tiny.fake']);
    await rm(modelsDir, { recursive: true });
    await (await lamina({ mode: 'attached' })).close();
    assert.equal(existsSync(modelsDir), false);
    await mkdir(modelsDir);
  });

  it('edits the manifest, and the owner notices', async () => {
    const owner = await lamina();
    const attached = await lamina({ mode: 'attached' });
    const discovered = owner.events.once('model.discovered', {
      signal: AbortSignal.timeout(10_000),
      where: ({ model }) => model === 'second',
    });
    await attached.models.install('second', join(modelsDir, 'tiny.fake'));
    await discovered;
    assert.equal(owner.models.get('second')?.available, true);
  });

  it('cannot start models or downloads', async () => {
    const attached = await lamina({ mode: 'attached' });
    const signal = AbortSignal.timeout(10_000);
    await assert.rejects(attached.runtime.acquire('tiny', { signal }), {
      code: 'CONFLICT',
      message: /is attached to the data directory .*, whose owner runs its engines/,
    });
    await assert.rejects(attached.runtime.start('tiny'), { code: 'CONFLICT' });
    await assert.rejects(attached.downloads.start({ reference: 'http://127.0.0.1:1/x' }), {
      code: 'CONFLICT',
      message: /whose owner runs its downloads/,
    });
    for (const verb of ['pause', 'resume', 'cancel', 'remove'] as const)
      await assert.rejects(attached.downloads[verb]('dl-1'), { code: 'CONFLICT' });
  });

  it('follows the downloads of the owner: queued, active, paused and gone', async () => {
    const server = createServer((_, response) => response.writeHead(200, { 'content-length': 1000 }).write('a'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const owner = await lamina({ downloads: { maxConcurrent: 1 } });
    const start = (name: string) =>
      owner.downloads.start({
        reference: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}.fake`,
        name,
      });
    const [one, two] = [await start('one'), await start('two')];
    const attached = await lamina({ mode: 'attached' });
    const states = () => attached.downloads.list().map(({ model, state }) => `${model} ${state}`);
    const until = async (...expected: string[]) => {
      const deadline = Date.now() + 10_000;
      while (states().join() !== expected.join()) {
        assert.ok(Date.now() < deadline, `${states().join()} instead of ${expected.join()}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await until('one active', 'two queued');
    await owner.downloads.pause(one.id);
    await until('one paused', 'two active');
    await owner.downloads.cancel(one.id);
    await until('two active');
    await owner.downloads.cancel(two.id);
    await until();
    server.closeAllConnections();
    server.close();
  });

  it('lists unfinished downloads without resuming them, like an owner with resume: false', async () => {
    const server = createServer((_, response) => response.writeHead(200, { 'content-length': 1000 }).write('a')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const owner = await lamina();
    const { id } = await owner.downloads.start({
      reference: `http://127.0.0.1:${(server.address() as AddressInfo).port}/far.fake`,
    });
    await owner.close();
    server.closeAllConnections();
    server.close();
    const attached = await lamina({ mode: 'attached' });
    assert.deepEqual(
      attached.downloads.list().map((download) => [download.id, download.model, download.state]),
      [[id, 'far', 'paused']],
    );
    const quiet = await lamina({ downloads: { autoResume: false } });
    assert.equal(quiet.downloads.get(id).state, 'paused');
    assert.equal((await quiet.downloads.pause(id)).state, 'paused');
  });
});
