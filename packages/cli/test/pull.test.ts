// lamina pull: progress, interruption by Ctrl-C, resuming with the same command, and several models.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import type { DownloadView } from '@lamina/core/protocol';
import { Folder, lamina, type RunningCommand } from './support/command.js';
import { FileServer } from './support/file-server.js';

const script = existsSync('/usr/bin/script');

describe('lamina pull', function () {
  this.timeout(60_000);
  let files: FileServer;
  let folder: Folder;
  beforeEach(async () => {
    files = await FileServer.open();
    folder = await Folder.make(files.origin);
  });
  afterEach(async () => {
    await folder.remove();
    await files.close();
  });

  const fetched = (path = 'far/far.fake') => readFileSync(folder.file(`models/${path}`)).equals(files.content);
  const documents = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as DownloadView);
  const start = (...args: string[]): RunningCommand => folder.start(process.execPath, [lamina, 'pull', ...args]);
  const halfway = /"done":[1-9]\d{5}/;

  it('downloads a model of the manifest, with a line at the start and one at the end', async () => {
    const { code, stdout, stderr } = await folder.here('pull', 'far');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^Pulling far from url: 1 file, 5\.0 MB\.\n/);
    assert.match(stdout, /^Downloaded far: 5\.0 MB in \d+\.\d s\.\n$/);
    assert.ok(fetched());
    assert.match((await folder.here('list')).stdout, /^far +available +5\.0 MB/m);
  });

  it('downloads a reference under a new name, and not again', async () => {
    const args = ['pull', `${files.origin}/other.fake`, '--name', 'mine', '--source', 'url'];
    assert.equal((await folder.here(...args)).code, 0);
    assert.ok(fetched('mine/other.fake'));
    const before = files.sent;
    for (const again of [args, ['download', 'mine']])
      assert.deepEqual(await folder.here(...again), { code: 0, stdout: 'mine is already downloaded.\n', stderr: '' });
    assert.equal(files.sent, before);
  });

  it('resolves a path that begins with a dot in the working directory', async () => {
    assert.equal((await start('./models/tiny.fake', '--name', 'copy', '--config', 'config.mjs').ended).code, 0);
    assert.equal(readFileSync(folder.file('models/copy/tiny.fake'), 'utf8'), 'a fake model');
  });

  it('pauses on Ctrl-C, keeps the downloaded bytes, exits with 130, and resumes', async () => {
    files.hold();
    const pull = start('far', '--config', 'config.mjs', '--json');
    await pull.saw(halfway);
    pull.child.kill('SIGINT');
    const { code, stdout } = await pull.ended;
    assert.equal(code, 130);
    const paused = documents(stdout).at(-1)!;
    assert.equal(paused.state, 'paused');
    assert.ok(paused.done > 0 && paused.done <= files.content.length / 2);
    assert.match(
      (await folder.here('downloads')).stdout,
      new RegExp(`^far +paused +\\d+ % +5\\.0 MB +url +${paused.id}$`, 'm'),
    );
    files.release();
    files.sent = 0;
    const again = await folder.here('pull', 'far');
    assert.deepEqual([again.code, again.stdout], [0, 'Downloaded far: 5.0 MB.\n'], again.stderr);
    assert.ok(fetched());
    assert.ok(files.sent < files.content.length, `${files.sent} bytes were sent again`);
  });

  it('exits with 143 on SIGTERM, and a reference under a new name resumes, too', async () => {
    const args = [`${files.origin}/other.fake`, '--name', 'mine', '--config', 'config.mjs', '--json'];
    files.hold();
    const pull = start(...args);
    await pull.saw(halfway);
    pull.child.kill('SIGTERM');
    assert.equal((await pull.ended).code, 143);
    files.release();
    const { code, stdout, stderr } = await start(...args).ended;
    assert.equal(code, 0, stderr);
    assert.equal(documents(stdout).at(-1)!.state, 'finished');
  });

  it('can be paused, resumed and cancelled with lamina downloads', async () => {
    files.hold();
    const pull = start('far', '--config', 'config.mjs', '--json');
    await pull.saw(halfway);
    pull.child.kill('SIGKILL');
    await pull.ended;
    assert.match((await folder.here('downloads')).stdout, /^far +paused .* dl-\w+$/m);
    assert.match(
      (await folder.here('downloads', 'pause', 'far')).stdout,
      /^Paused the download of far at \S+ \S+\. Resume it with: lamina downloads resume far\n$/,
    );
    files.release();
    const { stdout } = await folder.here('downloads', 'resume', 'far');
    assert.match(stdout, /^Downloaded far: 5\.0 MB/);
    files.hold();
    const other = start(`${files.origin}/other.fake`, '--config', 'config.mjs', '--json');
    await other.saw(halfway);
    other.child.kill('SIGINT');
    await other.ended;
    assert.equal((await folder.here('downloads', 'cancel', 'other')).stdout, 'Cancelled the download of other.\n');
    assert.match((await folder.here('downloads')).stdout, /^No downloads/);
  });

  it('says why it failed, with exit code 1', async () => {
    const { code, stdout, stderr } = await folder.here('pull', 'http://127.0.0.1:9/none.fake');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^lamina: .*127\.0\.0\.1.*\n$/);
  });

  it('prints progress for programs, one document per line, the last with the result', async () => {
    const { stdout, stderr } = await folder.here('pull', 'far', '--json');
    const shown = documents(stdout);
    assert.equal(stderr, '');
    assert.deepEqual(
      [...new Set(shown.map(({ id, model, total }) => `${id.slice(0, 3)} ${model} ${total}`))],
      [`dl- far ${files.content.length}`],
    );
    assert.equal(shown.at(-1)!.state, 'finished');
    assert.equal(shown.at(-1)!.done, files.content.length);
  });

  describe('from a server', () => {
    it('shows a download of the server, which continues after Ctrl-C', async () => {
      const url = await folder.serve();
      files.hold();
      const pull = start('far', '--server', url, '--json');
      await pull.saw(halfway);
      pull.child.kill('SIGINT');
      const { code, stdout } = await pull.ended;
      assert.equal(code, 130);
      const { id, state } = documents(stdout).at(-1)!;
      assert.equal(state, 'active');
      const again = start('far', '--server', url, '--json');
      await again.saw(halfway);
      files.release();
      assert.equal((await again.ended).code, 0);
      assert.equal(documents((await again.ended).stdout).at(-1)!.id, id);
      assert.ok(fetched());
      assert.deepEqual(await folder.run('pull', 'far', '--server', url), {
        code: 0,
        stdout: 'far is already downloaded.\n',
        stderr: '',
      });
    });

    it('fails when another client pauses the download, which can be resumed', async () => {
      const url = await folder.serve();
      files.hold();
      const pull = start(`${files.origin}/other.fake`, '--server', url, '--json');
      await pull.saw(halfway);
      assert.equal((await folder.run('downloads', 'pause', 'other', '--server', url)).code, 0);
      const { code, stderr } = await pull.ended;
      assert.equal(code, 1);
      assert.match(stderr, /"Another client paused the download .*"code":"CONFLICT"/);
      files.release();
      assert.equal((await folder.run('downloads', 'resume', 'other', '--server', url)).code, 0);
      assert.equal((await folder.run('downloads', 'cancel', 'other', '--server', url)).code, 1);
    });
  });

  (script ? describe : describe.skip)(
    `on a terminal${script ? '' : ' (skipped: script of util-linux is not installed)'}`,
    () => {
      /** Runs in a terminal of its own; what the test writes to its input is typed. */
      const onTerminal = (command: string, columns = 100) =>
        folder.start(
          '/usr/bin/script',
          [
            '-qefc',
            `stty cols ${columns} rows 20; exec ${process.execPath} ${lamina} ${command} --config config.mjs`,
            '/dev/null',
          ],
          { ...process.env, TERM: 'xterm' },
        );

      it('draws a bar with amounts, and restores the cursor', async () => {
        const { code, stdout } = await onTerminal('pull far').ended;
        assert.equal(code, 0);
        assert.match(stdout, /Pulling far from url: 1 file, 5\.0 MB\r\n/);
        assert.match(stdout, /far {2,}█{30} 100 % {2}5\.0 MB \/ 5\.0 MB/);
        assert.match(stdout, /Downloaded far: 5\.0 MB in \d+\.\d s\.\r\n$/);
        assert.ok(stdout.lastIndexOf('\u001b[?25h') > stdout.lastIndexOf('\u001b[?25l'));
      });

      it('fits a narrow terminal', async () => {
        const { stdout } = await onTerminal('pull far', 40).ended;
        assert.match(stdout, /far {2,}█{10} 100 %/);
      });

      it('is interrupted by a typed Ctrl-C', async () => {
        files.hold();
        const pull = onTerminal('pull far');
        await pull.saw(/[1-9]\d? % {2}[\d.]+ MB \/ 5\.0 MB/);
        pull.child.stdin!.write('\u0003');
        const { code, stdout } = await pull.ended;
        assert.equal(code, 130);
        assert.match(
          stdout,
          /Paused at [\d.]+ MB of 5\.0 MB\. Resume with the same command, or: lamina downloads resume far\r\n$/,
        );
        assert.ok(stdout.lastIndexOf('\u001b[?25h') > stdout.lastIndexOf('\u001b[?25l'));
      });
    },
  );

  it('with several models downloads each and reports each', async () => {
    const { code, stdout } = await folder.here('pull', 'far', `${files.origin}/b.fake`, 'tiny', '--source', 'url');
    assert.equal(code, 0);
    assert.match(stdout, /^Downloaded far: .*\nDownloaded b: .*\ntiny is already downloaded\.\n$/);
  });

  for (const position of [0, 1])
    it(`with several models exits with 1 when one fails, and downloads the others: ${position === 0 ? 'the first' : 'the last'}`, async () => {
      const wanted = ['far'];
      wanted.splice(position, 0, 'http://127.0.0.1:9/none.fake');
      const { code, stdout, stderr } = await folder.here('pull', ...wanted);
      assert.equal(code, 1);
      assert.match(stdout, /^Downloaded far: /);
      assert.match(stderr, /^lamina: 127\.0\.0\.1:9 cannot be reached: .*$/m);
    });

  it('with several models has no use for --name', async () => {
    const { code, stderr } = await folder.here('pull', 'far', 'tiny', '--name', 'mine');
    assert.deepEqual(
      [code, stderr],
      [2, 'lamina: --name cannot be combined with several models. Pull them one by one.\n'],
    );
  });
});
