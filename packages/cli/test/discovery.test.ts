// Commands find the server that runs for their models directory.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Folder } from './support/command.js';

describe('lamina beside a server', () => {
  let folder: Folder;
  beforeEach(async () => {
    folder = await Folder.make();
  });
  afterEach(() => folder.remove());

  const record = () => folder.file('models/.lamina/server.json');

  it('uses the server of its models directory without --server', async () => {
    const url = await folder.serve();
    const { models } = (await (await fetch(`${url}/models`)).json()) as { models: Record<string, { state?: string }> };
    assert.deepEqual(JSON.parse((await folder.here('list', '--json')).stdout), {
      ...(JSON.parse((await folder.run('list', '--json', '--server', url)).stdout) as object),
    });
    assert.equal(models['tiny']?.state, 'stopped');
    assert.equal((await folder.here('ps')).code, 0);
  });

  it('says on a terminal which server it uses, and not elsewhere', async () => {
    const url = await folder.serve();
    const shown = await folder.inTerminal(80, 'list');
    assert.match(shown.stderr, new RegExp(`Using the server at ${url}`));
    assert.equal((await folder.here('list')).stderr, '');
  });

  it('works in its own process with --manifest, which a server does not obey', async () => {
    await folder.serve();
    await writeFile(folder.file('other.yaml'), 'models: {}\n');
    const { stdout } = await folder.here('list', '--manifest', folder.file('other.yaml'), '--json');
    assert.deepEqual((JSON.parse(stdout) as { models: object }).models, {});
  });

  it('uses no server that has ended, also one that was killed and left its record', async () => {
    await folder.serve();
    assert.equal(existsSync(record()), true);
    const left = readFileSync(record());
    await folder.stop();
    assert.equal(existsSync(record()), false);
    await writeFile(record(), left);
    const { code, stderr } = await folder.here('list');
    assert.deepEqual([code, stderr], [0, '']);
  });
});
