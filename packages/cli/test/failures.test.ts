// Failing commands: one sentence on standard error, nothing on standard output, and an exit code for the kind of
// failure.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { helpTexts } from '@lamina/cli';
import { createLamina } from '@lamina/core';
import { Folder, lamina } from './support/command.js';

describe('a failing lamina command', function () {
  this.timeout(60_000);
  let folder: Folder;
  beforeEach(async () => (folder = await Folder.make()));
  afterEach(() => folder.remove());

  const fails = async (expected: number, sentence: RegExp, ...args: string[]) => {
    const { code, stdout, stderr } = await folder.here(...args);
    assert.deepEqual([code, stdout], [expected, ''], stderr);
    assert.match(stderr, /^lamina: .*\n$/);
    assert.match(stderr, sentence);
  };

  it('exits with 1 when the work fails', async () => {
    await fails(1, /Model "tine" was not found\. .*"tiny"/, 'info', 'tine');
    await fails(1, /No model matches/, 'suggest', '--max-size', '1');
    await fails(1, /Download "dl-1" was not found/, 'downloads', 'pause', 'dl-1');
    await fails(1, /No source supports this reference/, 'pull', 'nothing-of-that-kind');
    await writeFile(folder.file('models/models.yaml'), 'models: [\n');
    await fails(1, /models\.yaml/, 'list');
  });

  it('exits with 2 on wrong usage', async () => {
    await fails(2, /Unknown command "lst"\. Did you mean "list"\?/, 'lst');
    await fails(2, /Unknown option "--flies"\. Did you mean "--files"\?/, 'rm', 'tiny', '--flies');
    await fails(2, /Missing required argument "model"/, 'info');
    await fails(2, /--config cannot be combined with --server/, 'list', '--server', 'http://127.0.0.1:1');
    await fails(2, /Expected a URL such as/, 'list', '--server', 'nowhere');
    const none = await folder.run();
    assert.deepEqual([none.code, none.stdout], [2, '']);
    assert.match(none.stderr, /^Usage: lamina/);
  });

  it('exits with 0 after showing help', async () => {
    const { code, stdout, stderr } = await folder.run('--help');
    assert.deepEqual([code, stderr], [0, '']);
    const words = (text: string) => text.split(/\s+/);
    assert.deepEqual(words(stdout), words(helpTexts().get('lamina')!));
    assert.match((await folder.run('pull', '--help')).stdout, /--source <name>[^]*Example:\n {2}lamina pull/);
    assert.doesNotMatch(stdout, /download <|list-downloadable/);
  });

  it('prints an error as an object with --json', async () => {
    for (const [args, expected, code] of [
      [['info', 'tine'], 1, 'MODEL_NOT_FOUND'],
      [['lst'], 2, 'REQUEST_INVALID'],
    ] as const) {
      const ended = await folder.here(...args, '--json');
      assert.deepEqual([ended.code, ended.stdout], [expected, '']);
      const { error } = JSON.parse(ended.stderr) as { error: { code: string; message: string; type: string } };
      assert.equal(error.code, code);
    }
  });

  it('says what to do about a server that is unreachable, not Lamina, or requires a key', async () => {
    const list = (url: string, ...args: string[]) => folder.run('list', '--server', url, ...args);
    for (const args of [['list'], ['ps'], ['start', 'tiny'], ['run', 'tiny', 'Hello']])
      assert.match(
        (await folder.run(...args, '--server', 'http://127.0.0.1:4')).stderr,
        /^lamina: No Lamina server responds at http:\/\/127\.0\.0\.1:4: connection refused\.\n$/,
      );
    const other = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    assert.match(
      (await list(`http://127.0.0.1:${(other.address() as AddressInfo).port}`)).stderr,
      /the response \(status 200\) is not from a lamina-server/,
    );
    other.closeAllConnections();
    other.close();
    await writeFile(folder.file('keys'), '# ours\nsecret-one manage\n');
    await writeFile(folder.file('wrong'), 'other\n');
    const url = await folder.serve('--api-key-file', 'keys');
    for (const args of [['list'], ['stats'], ['ps'], ['run', 'tiny', 'Hello']]) {
      const without = await folder.run(...args, '--server', url);
      assert.equal(without.code, 1);
      assert.match(
        without.stderr,
        /^lamina: http:\S+ requires an API key\. Use --api-key-file <file> or set LAMINA_API_KEY\.\n$/,
      );
    }
    assert.match(
      (await list(url, '--api-key-file', folder.file('wrong'))).stderr,
      /The API key is not valid for http:/,
    );
    assert.equal((await list(url, '--api-key-file', folder.file('keys'))).code, 0);
    assert.equal(
      (
        await folder.start(process.execPath, [lamina, 'list', '--server', url], {
          ...process.env,
          LAMINA_API_KEY: 'secret-one',
        }).ended
      ).code,
      0,
    );
  });

  it('names where an API key comes from that no header can contain, and not the key', async () => {
    const url = 'http://127.0.0.1:9';
    await writeFile(folder.file('keys'), 'gehe\u00efm\n');
    const fromFile = await folder.run('list', '--server', url, '--api-key-file', folder.file('keys'));
    assert.match(fromFile.stderr, /^lamina: The key in \S+keys contains a space, a line break or another character/);
    for (const key of ['secret\n', 'se cret', 'secr\u00eft']) {
      const env = { ...process.env, LAMINA_API_KEY: key };
      const { code, stderr } = await folder.start(process.execPath, [lamina, 'list', '--server', url], env).ended;
      assert.equal(code, 1);
      assert.match(stderr, /^lamina: The environment variable LAMINA_API_KEY contains a space, a line break or/);
      assert.doesNotMatch(stderr, /cr[e\u00ef]/);
    }
  });

  it('suggests --server when a Lamina that no server offers uses the data directory', async () => {
    const owner = await createLamina({ modelsDir: folder.file('models') });
    try {
      await fails(
        1,
        /^lamina: Another Lamina \(process \d+\) uses \S+\.lamina\. Send the command to it with --server <url>, or stop it first\.\n$/,
        'pull',
        'far',
      );
      assert.equal((await folder.here('list')).code, 0);
    } finally {
      await owner.close();
    }
  });
});
