// Several lamina commands that download into the same data directory at the same time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Folder, lamina, type RunningCommand } from './support/command.js';
import { FileServer } from './support/file-server.js';

/** Resolves when the standard error of a command matches. */
async function told(command: RunningCommand, pattern: RegExp): Promise<void> {
  for (let text = ''; !pattern.test(text);) {
    const [chunk] = (await Promise.race([
      once(command.child.stderr!, 'data'),
      command.ended.then(({ stderr }) => assert.fail(`it ended without ${pattern}: ${stderr}`)),
    ])) as [string];
    text += chunk;
  }
}

describe('lamina pull beside another lamina pull', function () {
  this.timeout(60_000);
  let files: FileServer;
  let folder: Folder;
  let first: RunningCommand;
  const waiting = /^Another lamina command \(process \d+\) uses \S+\.lamina\. Waiting for it to end\.$/m;
  const start = (...args: string[]) => folder.start(process.execPath, [lamina, ...args, '--config', 'config.mjs']);

  beforeEach(async () => {
    files = await FileServer.open();
    folder = await Folder.make(files.origin);
    files.hold();
    first = start('pull', 'far', '--json');
    await first.saw(/"done":[1-9]\d{5}/);
  });
  afterEach(async () => {
    await folder.remove();
    await files.close();
  });

  /** The journal is written every second: resolves when it names bytes that have arrived. */
  async function journalled(): Promise<void> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const { downloads } = JSON.parse((await folder.here('downloads', '--json')).stdout) as {
        downloads: { done: number }[];
      };
      if (downloads[0]!.done > 0) return;
      assert.ok(Date.now() < deadline, 'no bytes are in the journal');
    }
  }

  it('shows the progress of the same model and ends with it; nothing is downloaded twice', async () => {
    const second = start('pull', 'far');
    await told(second, /Pulling far from url: 1 file, 5\.0 MB\./);
    files.release();
    assert.equal((await first.ended).code, 0);
    const { code, stdout, stderr } = await second.ended;
    assert.deepEqual([code, stdout], [0, 'far is already downloaded.\n'], stderr);
    assert.match(stderr, waiting);
    assert.ok(files.sent < 2 * files.content.length, `${files.sent} bytes were sent`);
  });

  it('waits with another model, and downloads it then', async () => {
    const second = start('pull', `${files.origin}/other.fake`);
    await told(second, waiting);
    files.release();
    assert.equal((await first.ended).code, 0);
    const { code, stdout, stderr } = await second.ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Downloaded other: 5\.0 MB/);
  });

  it('takes over from a command that is killed, and keeps its bytes', async () => {
    const second = start('pull', 'far');
    await told(second, /Pulling far from url/);
    await journalled();
    const abandoned = files.abandoned();
    first.child.kill('SIGKILL');
    await Promise.all([first.ended, abandoned]);
    files.sent = 0;
    files.release();
    const { code, stdout, stderr } = await second.ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Downloaded far: 5\.0 MB( in \d+\.\d s)?\.\n$/);
    assert.ok(files.sent < files.content.length, `${files.sent} bytes were sent again`);
  });

  it('ends the waiting with Ctrl-C, and the other command continues', async () => {
    for (const model of ['far', `${files.origin}/other.fake`]) {
      const second = start('pull', model);
      await told(second, model === 'far' ? /Pulling far from url/ : waiting);
      second.child.kill('SIGINT');
      assert.equal((await second.ended).code, 130);
    }
    files.release();
    assert.equal((await first.ended).code, 0);
    assert.ok(existsSync(folder.file('models/far/far.fake')));
  });

  it('is listed by lamina downloads as active while its process lives, and as paused after it', async () => {
    const row = async () => /^far +(\w+)/m.exec((await folder.here('downloads')).stdout)?.[1];
    const deadline = Date.now() + 10_000; // The journal is written every second.
    while ((await row()) !== 'active') assert.ok(Date.now() < deadline, 'it is never active');
    for (const verb of ['pause', 'resume', 'cancel']) {
      const { code, stderr } = await folder.here('downloads', verb, 'far');
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^lamina: Another lamina command \(process \d+\) uses \S+\. Wait for it to end, or press Ctrl-C/,
      );
    }
    first.child.kill('SIGKILL');
    await first.ended;
    assert.equal(await row(), 'paused');
  });
});
