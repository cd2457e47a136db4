// A models directory that cannot be written, as a volume of a container; and commands that only look.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { FileServer } from './support/file-server.js';
import { Folder, lamina, server } from './support/command.js';

const isRoot = process.getuid?.() === 0;
/** Root may write everywhere but in a read-only file system, which it can mount for one process. */
const mountReadOnly = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
const canMount = isRoot && spawnSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0;

describe('a models directory that cannot be written', () => {
  let folder: Folder;
  let files: FileServer;
  beforeEach(async function () {
    if (process.platform === 'win32' || (isRoot && !canMount)) {
      console.log('      skipped: this user can write everywhere and cannot mount');
      return this.skip();
    }
    files = await FileServer.open();
    folder = await Folder.make(files.origin);
    if (!isRoot) await chmod(folder.file('models'), 0o555);
  });
  afterEach(async () => {
    if (!isRoot) await chmod(folder.file('models'), 0o755);
    await folder.remove();
    await files.close();
  });

  /** Starts a program for which the models directory is read-only, and whose data home is in the folder. */
  const start = (program: string, ...args: readonly string[]) => {
    const command = [process.execPath, program, ...args];
    const env = { ...process.env, XDG_DATA_HOME: folder.file('data'), LOCALAPPDATA: folder.file('data') };
    return isRoot
      ? folder.start('unshare', ['--mount', 'sh', '-c', mountReadOnly, folder.file('models'), ...command], env)
      : folder.start(command[0]!, command.slice(1), env);
  };

  it('is served, with the state in one directory of the user for these models', async function () {
    if (process.platform === 'darwin') return this.skip(); // Its data home cannot be chosen.
    for (let round = 0; round < 2; round++) {
      const running = start(server, '--port', '0', '--config', 'config.mjs');
      await running.saw(/http:/);
      const [state, ...others] = await readdir(folder.file('data/lamina'));
      assert.match(state!, /^models-[0-9a-f]{12}$/);
      assert.deepEqual(others, []);
      const second = await start(server, '--port', '0', '--config', 'config.mjs').ended;
      assert.equal(second.code, 1);
      assert.match(second.stderr, /in use by another Lamina/);
      running.child.kill('SIGTERM');
      assert.equal((await running.ended).code, 0);
    }
    assert.deepEqual((await readdir(folder.file('models'))).sort(), ['models.yaml', 'tiny.fake']);
  });

  it('can be looked at, which creates nothing', async () => {
    for (const command of ['list', 'validate', 'stats', 'downloads']) {
      const { stdout, stderr } = await start(lamina, command, '--json').ended;
      assert.equal(stderr, '', command);
      assert.match(stdout, /^\{.*\}\n$/, command);
    }
    assert.deepEqual((await readdir(folder.path)).sort(), ['config.mjs', 'models']);
  });

  it('refuses a download before the first byte, and says what to do', async () => {
    const { code, stderr } = await start(lamina, 'pull', 'far', '--config', 'config.mjs').ended;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /The models directory cannot be written \((read-only file system|permission denied)\), so nothing can be downloaded\. Make it writable, or choose another one with --models-dir\./,
    );
    assert.equal(files.sent, 0);
  });
});

describe('a command that only looks', () => {
  let folder: Folder;
  beforeEach(async () => (folder = await Folder.make()));
  afterEach(() => folder.remove());

  const commands = ['list', 'info tiny', 'validate', 'stats', 'suggest', 'backends', 'downloads'];
  for (const command of commands) {
    it(`creates nothing: ${command}`, async () => {
      const before = await readdir(folder.path, { recursive: true });
      const run = () => folder.run(...command.split(' '), '--models-dir', folder.file('models'));
      await run();
      assert.deepEqual(await readdir(folder.path, { recursive: true }), before);
      await rm(folder.file('models'), { recursive: true });
      await run();
      assert.deepEqual(await readdir(folder.path), ['config.mjs']);
      await mkdir(folder.file('models'));
    });
  }
});
