// What each command says, in process and of a server: the same.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { Folder } from './support/command.js';

describe('lamina', function () {
  this.timeout(60_000);
  let folder: Folder;
  beforeEach(async () => (folder = await Folder.make()));
  afterEach(() => folder.remove());

  const good = async (...args: string[]) => {
    const { code, stdout, stderr } = await folder.here(...args);
    assert.deepEqual([code, stderr], [0, ''], stdout);
    return stdout;
  };

  it('lists the models in a table, and leaves no trace', async () => {
    const lines = (await good('list')).split('\n');
    assert.deepEqual(
      lines.slice(0, 3).map((line) => line.trim().split(/ {2,}/)),
      [
        ['NAME', 'STATE', 'SIZE', 'QUANTIZATION', 'BACKEND'],
        ['tiny', 'available', '12 bytes', 'Q8_0', 'fake'],
        ['far', 'missing', '5MB', '-', 'fake'],
      ],
    );
    assert.equal(lines[4], '2 models, 1 available');
    assert.deepEqual(readdirSync(folder.file('models')).sort(), ['models.yaml', 'tiny.fake']);
  });

  it('tells one model, by an alias too', async () => {
    assert.match(await good('info', 'small'), /^small\n {2}state +available\n(.*\n)* {2}use cases +conversational\n/);
  });

  it('suggests, counts, lists backends and what could be fetched', async () => {
    assert.match(
      await good('suggest', '--use-case', 'conversational', '--max-size', '4GB'),
      /^tiny\n {2}because {2}\S/,
    );
    assert.match(await good('stats'), / models +2 \(1 available, 1 missing\)\n {2}categories +lightweight 1\n/);
    assert.match(await good('backends'), /^fake +available +fake +\d/m);
    assert.match(await good('downloadable'), /^far +url +http:/m);
    assert.match(await good('list-downloadable', '--source', 'ollama'), /^Nothing/);
    assert.match(await good('downloads'), /^Nothing/);
  });

  it('validates all models or those named, with exit code 1 when something is wrong', async () => {
    assert.match(await good('validate', 'tiny'), /^tiny +ok\n\n1 model checked, nothing is wrong\n$/m);
    const { code, stdout, stderr } = await folder.here('validate');
    assert.deepEqual([code, stderr], [1, '']);
    assert.match(stdout, /^far +.*does not exist.*\n\n2 models checked, something is wrong with 1\n$/m);
  });

  it('installs a file that is here, and removes a model with its files or without', async () => {
    await writeFile(folder.file('mine.fake'), 'my model');
    assert.match(await good('install', 'mine', folder.file('mine.fake')), /^mine\n {2}state +available\n/);
    assert.match(await good('rm', 'mine', '--files'), /^mine is removed\.\ndeleted {2}.*mine\.fake\n/);
    assert.equal(existsSync(folder.file('models/mine/mine.fake')), false);
    assert.match(await good('rm', 'far'), /^far is removed\.\nIts files stay/);
    assert.doesNotMatch(await readFile(folder.file('models/models.yaml'), 'utf8'), /far|mine/);
  });

  it('answers with one JSON document, the same beside a server and from it', async () => {
    const url = await folder.serve();
    for (const args of [
      ['list'],
      ['info', 'tiny'],
      ['info', 'far'],
      ['validate', 'tiny'],
      ['suggest', '--category', 'lightweight'],
      ['backends'],
      ['stats'],
      ['downloadable'],
      ['downloads'],
    ]) {
      const here = await folder.here(...args, '--json');
      const there = await folder.run(...args, '--json', '--server', url);
      assert.deepEqual([here.code, here.stderr, there.code, there.stderr], [0, '', 0, ''], args.join(' '));
      assert.equal(here.stdout.trimEnd().split('\n').length, 1);
      assert.deepEqual(JSON.parse(there.stdout), JSON.parse(here.stdout), args.join(' '));
    }
  });

  it('changes models beside a server, which hears of it, and by a server', async () => {
    const url = await folder.serve();
    await writeFile(folder.file('mine.fake'), 'my model');
    await good('install', 'mine', folder.file('mine.fake'));
    const seen = async () =>
      ((await (await fetch(`${url}/models`)).json()) as { models: Record<string, unknown> }).models['mine'] !==
      undefined;
    while (!(await seen())) await new Promise(setImmediate);
    const { code, stdout } = await folder.run('rm', 'mine', '--files', '--server', url);
    assert.equal(code, 0);
    assert.match(stdout, /^mine is removed\./);
    assert.equal(await seen(), false);
    const refused = await folder.run('install', 'mine', folder.file('mine.fake'), '--server', url);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /^lamina: The server at http:\S+ takes no files from elsewhere: .*\n$/);
  });
});
