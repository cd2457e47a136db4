// A guest beside the owner of a data directory: it sees everything, leaves no trace, and takes nothing that is the
// owner's.
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

describe('a guest', () => {
  let modelsDir: string;
  const open: Lamina[] = [];

  beforeEach(async () => {
    modelsDir = join(await mkdtemp(join(tmpdir(), 'lamina-guest-')), 'models');
    await mkdir(modelsDir);
    await writeFile(join(modelsDir, 'tiny.fake'), 'a fake model');
    await writeFile(join(modelsDir, 'models.yaml'), 'models:\n  tiny: { path: tiny.fake, backend: fake }\n');
  });

  afterEach(async () => {
    for (const lamina of open.splice(0).reverse()) await lamina.close({ signal: AbortSignal.abort() });
    await rm(join(modelsDir, '..'), { recursive: true });
  });

  const lamina = async (options: { guest?: boolean; downloads?: { resume?: boolean } } = {}) => {
    const made = await createLamina({ modelsDir, plugins: [fakePlugin()], log: 'silent', ...options });
    open.push(made);
    return made;
  };

  it('sees the models of a directory that has an owner, those nobody wrote down too', async () => {
    await lamina();
    await tinyGguf(join(modelsDir, 'found.gguf'));
    const guest = await lamina({ guest: true });
    assert.deepEqual(
      guest.models.list().map(({ model, available }) => [model.name, available]),
      [
        ['tiny', true],
        ['found', true],
      ],
    );
    assert.deepEqual(
      (await guest.models.validate()).flatMap(({ problems }) => problems),
      [],
    );
    assert.equal((await guest.suggestions.suggest({})).suggested.record.model.name, 'tiny');
  });

  it('leaves no trace', async () => {
    await tinyGguf(join(modelsDir, 'found.gguf'));
    await (await lamina({ guest: true })).close();
    assert.deepEqual(readdirSync(modelsDir).sort(), ['found.gguf', 'models.yaml', 'tiny.fake']);
    await rm(modelsDir, { recursive: true });
    await (await lamina({ guest: true })).close();
    assert.equal(existsSync(modelsDir), false);
    await mkdir(modelsDir);
  });

  it('edits the manifest as a person may, and the owner hears of it', async () => {
    const owner = await lamina();
    const guest = await lamina({ guest: true });
    const heard = owner.events.once('model.discovered', {
      signal: AbortSignal.timeout(10_000),
      where: ({ model }) => model === 'second',
    });
    await guest.models.install('second', join(modelsDir, 'tiny.fake'));
    await heard;
    assert.equal(owner.models.get('second')?.available, true);
  });

  it('is refused engines and downloads', async () => {
    const guest = await lamina({ guest: true });
    const signal = AbortSignal.timeout(10_000);
    await assert.rejects(guest.runtime.acquire('tiny', { signal }), {
      code: 'CONFLICT',
      message: /is a guest of the data directory .*: engines are its owner's/,
    });
    await assert.rejects(guest.runtime.start('tiny'), { code: 'CONFLICT' });
    await assert.rejects(guest.downloads.start({ reference: 'http://127.0.0.1:1/x' }), {
      code: 'CONFLICT',
      message: /downloads are its owner's/,
    });
    for (const verb of ['pause', 'resume', 'cancel', 'remove'] as const)
      await assert.rejects(guest.downloads[verb]('dl-1'), { code: 'CONFLICT' });
  });

  it('lists what was left unfinished and leaves it so, as does an owner that is told to', async () => {
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
    const guest = await lamina({ guest: true });
    assert.deepEqual(
      guest.downloads.list().map((download) => [download.id, download.model, download.state]),
      [[id, 'far', 'queued']],
    );
    const quiet = await lamina({ downloads: { resume: false } });
    assert.equal(quiet.downloads.get(id).state, 'queued');
    assert.equal((await quiet.downloads.pause(id)).state, 'paused');
  });
});
