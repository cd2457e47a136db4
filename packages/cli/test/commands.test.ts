// The output of each command, in this process and through a server.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tinyGguf } from '@lamina/testing';
import { Folder } from './support/command.js';

describe('lamina', function () {
  this.timeout(60_000);
  let folder: Folder;
  beforeEach(async () => (folder = await Folder.make()));
  afterEach(() => folder.remove());

  const succeed = async (...args: string[]) => {
    const { code, stdout, stderr } = await folder.here(...args);
    assert.deepEqual([code, stderr], [0, ''], stdout);
    return stdout;
  };

  it('lists the models in a table and leaves no files behind', async () => {
    const lines = (await succeed('list')).split('\n');
    assert.deepEqual(
      lines.slice(0, 3).map((line) => line.trim().split(/ {2,}/)),
      [
        ['NAME', 'FILES', 'SIZE', 'QUANTIZATION', 'RUNS ON'],
        ['tiny', 'available', '12 bytes', 'Q8_0', 'fake'],
        ['far', 'missing', '5MB', '-', 'fake'],
      ],
    );
    assert.equal(lines[4], '2 models, 1 available');
    assert.deepEqual(readdirSync(folder.file('models')).sort(), ['models.yaml', 'tiny.fake']);
  });

  it('shows one model, also by its alias', async () => {
    assert.match(
      await succeed('info', 'small'),
      /^small\n {2}files +available\n(.*\n)* {2}use cases +conversational\n/,
    );
  });

  it('lists what will run each model or why nothing does, its quantization, and on a server whether it is loaded', async () => {
    await tinyGguf(folder.file('models/real.gguf'));
    const manifest = folder.file('models/models.yaml');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace('  far:', '  real: { path: real.gguf }\n  far:'));
    const rowsOf = (output: string) =>
      Object.fromEntries(
        output
          .split('\n')
          .slice(1, 5)
          .filter((line) => !line.startsWith(' '))
          .map((line) => line.trim().split(/ {2,}/))
          .map(([name, , , ...rest]) => [name, rest]),
      );
    const here = await succeed('list');
    assert.deepEqual(rowsOf(here), {
      tiny: ['Q8_0', 'fake'],
      real: ['F32', 'none'],
      far: ['-', 'fake'],
    });
    const url = await folder.serve();
    assert.match(
      here,
      /\nreal .*\n {2}It cannot run: no backend opens the format "gguf"\.\nfar .*\n\n3 models, 2 available\n$/,
    );
    await fetch(`${url}/models/tiny/start`, { method: 'POST' });
    const there = rowsOf((await folder.run('list', '--server', url)).stdout);
    assert.deepEqual(there, { tiny: ['Q8_0', 'fake', 'yes'], real: ['F32', 'none', 'no'], far: ['-', 'fake', 'no'] });
  });

  it('fits a terminal of 80 columns, with a long name on a line of its own', async () => {
    const name = `org/${'long-name-'.repeat(6)}q4`;
    const manifest = folder.file('models/models.yaml');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace('  far:', `  ${name}: { path: tiny.fake, backend: fake }\n  far:`));
    const { stdout } = await folder.inTerminal(80, 'list');
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.length > 80),
      [],
    );
    assert.match(stdout, new RegExp(`\n${name}\n {6}available +12 bytes +- +fake\n`));
  });

  it('lays a model out in sections: labels and values, without JSON', async () => {
    const manifest = folder.file('models/models.yaml');
    await writeFile(
      manifest,
      `models:
  tiny:
    path: tiny.fake
    backend: fake
    description: A small one
    options: { context_length: 512 }
    limits: { idle_timeout: 60 }
    download: { huggingface: { repo_id: a/b, filename: c.fake } }
`,
    );
    assert.equal(
      await succeed('info', 'tiny'),
      `tiny
  description  A small one
  files        available
  runs on      fake
  memory       about 524.3 kB with 512 tokens of context
  size         12 bytes
  path         tiny.fake

Options
  context_length  512

Limits
  idle_timeout  60

Download
  huggingface.repo_id   a/b
  huggingface.filename  c.fake
`,
    );
  });

  it('suggests and counts models, lists backends and downloadable models', async () => {
    assert.match(
      await succeed('suggest', '--use-case', 'conversational', '--max-size', '4GB'),
      /^tiny\n {2}on disk, .*\n(.*\n)* {2}is meant for "conversational"\n/,
    );
    assert.match(
      await succeed('suggest', '--use-case', 'coding'),
      /^No model on disk is meant for "coding"\. The best of all:\n\ntiny\n(.*\n)* {2}is not meant for "coding"\n/,
    );
    assert.match(await succeed('stats'), / models +2 \(1 available, 1 missing\)\n {2}categories +lightweight\n/);
    assert.match(await succeed('backends'), /^fake +available +\d\S* +fake$/m);
    assert.match(await succeed('list', '--available'), /^far +url +http:/m);
    assert.match(await succeed('list', '--source', 'url'), /^far +url +http:/m);
    assert.equal(await succeed('list-downloadable'), await succeed('list', '--available'));
    assert.match(await succeed('list-downloadable', '--source', 'ollama'), /^No models to download/);
    assert.match(await succeed('downloads'), /^No downloads/);
  });

  it('validates all models or those named, with exit code 1 if there are problems', async () => {
    assert.match(await succeed('validate', 'tiny'), /^tiny +ok\n\n1 model checked, no problems found\n$/m);
    const { code, stdout, stderr } = await folder.here('validate');
    assert.deepEqual([code, stderr], [1, '']);
    assert.match(stdout, /^far +.*does not exist.*\n\n2 models checked, 1 error\n$/m);
  });

  it('validates the manifest: each problem with its line and column, exit code 1 for errors only', async () => {
    const manifest = (more: string) =>
      writeFile(folder.file('models/models.yaml'), `models:\n  tiny: { path: tiny.fake, backend: fake }\n${more}`);
    await manifest('default: { chat: tiny }\n');
    const warned = await folder.here('validate');
    assert.deepEqual([warned.code, warned.stderr], [0, '']);
    assert.match(
      warned.stdout,
      /^\S*models\.yaml:3:1: warning: default is not a key .* did you mean "defaults"\?\n\nNAME +FILES\ntiny +ok\n\n1 model checked, 1 warning\n$/,
    );
    await manifest('  b: { path: tiny.fake, backend: fakke }\ndefaults: { chat: tinny }\n');
    const refused = await folder.here('validate');
    assert.deepEqual([refused.code, refused.stderr], [1, '']);
    assert.match(refused.stdout, /models\.yaml:3:25: error: models\.b\.backend is "fakke".*did you mean "fake"\?\n/);
    assert.match(refused.stdout, /models\.yaml:4:13: warning: defaults\.chat is "tinny".*did you mean "tiny"\?\n/);
    assert.match(refused.stdout, /\n2 models checked, 1 error and 1 warning\n$/);
  });

  it('mentions problems in one line on standard error, here and through a server, but not in documents', async () => {
    const path = folder.file('models/models.yaml');
    await writeFile(path, `${await readFile(path, 'utf8')}default: { chat: tiny }\nextra: 1\n`);
    const url = await folder.serve();
    for (const args of [['list'], ['info', 'tiny'], ['stats'], ['downloads']]) {
      const notice = 'The manifest and the model files have 2 problems: run "lamina validate".\n';
      assert.equal((await folder.here(...args)).stderr, notice, args.join(' '));
      assert.equal((await folder.run(...args, '--server', url)).stderr, notice, args.join(' '));
      assert.equal((await folder.here(...args, '--json')).stderr, '', args.join(' '));
    }
    for (const args of [
      ['validate', 'tiny'],
      ['validate', '--json'],
    ]) {
      const here = await folder.here(...args);
      assert.deepEqual([here.code, here.stderr], [args[1] === 'tiny' ? 0 : 1, ''], args.join(' '));
      if (args[1] === '--json') {
        const { diagnostics } = JSON.parse(here.stdout) as { diagnostics: { line: number }[] };
        assert.deepEqual(
          diagnostics.map(({ line }) => line),
          [6, 7],
        );
        assert.equal((await folder.run(...args, '--server', url)).stdout, here.stdout);
      }
    }
  });

  it('installs a local file, and removes a model with or without its files', async () => {
    await writeFile(folder.file('mine.fake'), 'my model');
    assert.match(await succeed('install', 'mine', folder.file('mine.fake')), /^mine\n {2}files +available\n/);
    assert.match(
      await succeed('rm', 'mine', '--files'),
      /^Removed mine from the manifest\.\ndeleted {2}.*mine\.fake\n/,
    );
    assert.equal(existsSync(folder.file('models/mine/mine.fake')), false);
    assert.equal(await succeed('rm', 'far'), 'Removed far from the manifest.\nThe files were kept.\n');
    assert.doesNotMatch(await readFile(folder.file('models/models.yaml'), 'utf8'), /far|mine/);
  });

  it('says under which name the files of a removed model are still served', async () => {
    const path = folder.file('models/models.yaml');
    await tinyGguf(folder.file('models/found.gguf'));
    const manifest = await readFile(path, 'utf8');
    await writeFile(
      path,
      manifest.replace('  far:', '  mine: { path: found.gguf }\n  same: { path: tiny.fake }\n  far:'),
    );
    assert.equal(
      await succeed('rm', 'mine'),
      'Removed mine from the manifest.\nThe files were kept.\nIts files are still served, as found. To delete them, run: lamina rm found --files\n',
    );
    assert.match(await succeed('rm', 'found', '--files'), /deleted {2}.*found\.gguf\n/);
    assert.match(await succeed('rm', 'same'), /\nIts files are still served, as tiny\./);
  });

  it('prints the same JSON document beside a server and through it', async () => {
    const url = await folder.serve();
    for (const args of [
      ['list'],
      ['info', 'tiny'],
      ['info', 'far'],
      ['validate', 'tiny'],
      ['suggest', '--category', 'lightweight'],
      ['backends'],
      ['stats'],
      ['list', '--available'],
      ['downloads'],
    ]) {
      const here = await folder.here(...args, '--json');
      const there = await folder.run(...args, '--json', '--server', url);
      assert.deepEqual([here.code, here.stderr, there.code, there.stderr], [0, '', 0, ''], args.join(' '));
      assert.equal(here.stdout.trimEnd().split('\n').length, 1);
      assert.deepEqual(JSON.parse(there.stdout), JSON.parse(here.stdout), args.join(' '));
    }
  });

  it('changes models beside a server, which detects it, and through a server', async () => {
    const url = await folder.serve();
    await writeFile(folder.file('mine.fake'), 'my model');
    await succeed('install', 'mine', folder.file('mine.fake'));
    const seen = async () =>
      ((await (await fetch(`${url}/models`)).json()) as { models: Record<string, unknown> }).models['mine'] !==
      undefined;
    while (!(await seen())) await new Promise(setImmediate);
    const { code, stdout } = await folder.run('rm', 'mine', '--files', '--server', url);
    assert.equal(code, 0);
    assert.match(stdout, /^Removed mine/);
    assert.equal(await seen(), false);
    const refused = await folder.run('install', 'mine', folder.file('mine.fake'), '--server', url);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /^lamina: The server at http:\S+ does not accept uploads\. .*\n$/);
  });
});
