// lamina completion: what can be typed next, in this process and in real shells.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { Folder, lamina } from './support/command.js';
import { hasTerminals, Terminal } from './support/terminal.js';

const hasShell = (name: string) => spawnSync(name, ['-c', 'true']).status === 0;

describe('lamina completion', function () {
  this.timeout(60_000);
  let folder: Folder;
  beforeEach(async () => (folder = await Folder.make()));
  afterEach(() => folder.remove());

  const complete = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await folder.run('__complete', '--', ...words);
    assert.deepEqual([code, stderr], [0, '']);
    return stdout.trimEnd().split('\n');
  };
  const names = async (...words: readonly string[]) => (await complete(...words)).map((line) => line.split('\t')[0]!);
  /** Names of models are left out when they take longer than 300 ms, so on a slow machine they may come later. */
  const eventually = async <T>(ask: () => T | Promise<T>, isRight: (answer: T) => boolean): Promise<T> => {
    for (;;) {
      const answer = await ask();
      if (isRight(answer)) return answer;
    }
  };
  const modelsAfter = (...words: readonly string[]) =>
    eventually(
      () => names(...words),
      (found) => found[0] !== '',
    );

  it('completes commands, their options, and subcommands', async () => {
    assert.deepEqual(await complete('sta'), [
      'start\tLoad models and keep them loaded',
      'stats\tCount models and list their categories and use cases',
    ]);
    assert.deepEqual(await names('ps', '--w'), ['--watch']);
    assert.deepEqual(await names('ps', '--models'), ['--models-dir']);
    assert.deepEqual(await names('downloads', 'p'), ['pause']);
    assert.deepEqual(await names('completion', ''), ['bash', 'zsh', 'fish']);
    assert.deepEqual(await names('--models-dir', ''), [':files']);
    assert.deepEqual(await names('install', 'new', ''), [':files']);
    assert.deepEqual(await names('nonsense', ''), ['']);
  });

  it('completes models of the manifest, apart from those that were named', async () => {
    const models = folder.file('models');
    assert.deepEqual(await modelsAfter('--models-dir', models, 'info', ''), ['tiny', 'small', 'far']);
    assert.deepEqual(await modelsAfter(`--models-dir=${models}`, 'start', 'tiny', ''), ['small', 'far']);
  });

  it('completes models of the server that runs', async () => {
    const url = await folder.serve();
    await writeFile(folder.file('models/models.yaml'), 'models: {}\n');
    assert.deepEqual(await modelsAfter('--server', url, 'stop', 't'), ['tiny']);
  });

  it('says nothing where there are no models', async () => {
    assert.deepEqual(await names('--server', 'http://127.0.0.1:9', 'info', ''), ['']);
    assert.deepEqual(await names('--models-dir', folder.file('none'), 'info', ''), ['']);
  });

  it('shows in its help how to install it', async () => {
    const { stdout } = await folder.run('completion', '--help');
    assert.match(stdout, /\n {2}bash {2}echo 'eval "\$\(lamina completion bash\)"' >> ~\/\.bashrc\n/);
    const { script } = JSON.parse((await folder.run('completion', 'bash', '--json')).stdout) as { script: string };
    assert.equal(`${script}`, (await folder.run('completion', 'bash')).stdout);
  });

  describe('in a shell', () => {
    let path: string;
    beforeEach(async () => {
      await mkdir(folder.file('bin'));
      await symlink(lamina, folder.file('bin/lamina'));
      path = `${folder.file('bin')}:${process.env['PATH']}`;
    });
    const skipWithout = (shell: string, context: Mocha.Context) => {
      if (hasShell(shell)) return;
      context.test!.title += ` (${shell} is not installed)`;
      context.skip();
    };

    it('works in bash, without bash-completion, also for names with a colon', async function () {
      skipWithout('bash', this);
      const name = 'org/a-model:Q4';
      await writeFile(folder.file('models/models.yaml'), `models: { "${name}": { path: tiny.fake } }\n`);
      const inBash = (line: string, words: readonly string[]) => {
        const script = `
          eval "$(lamina completion bash)"
          COMP_LINE=$1 COMP_POINT=\${#1}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
          _lamina lamina
          printf '%s\\n' "\${COMPREPLY[@]}"`;
        const env = { PATH: path, HOME: folder.path };
        const options = { cwd: folder.path, env, encoding: 'utf8' } as const;
        const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', line, ...words], options);
        assert.equal(stderr, '');
        return stdout.trimEnd().split('\n');
      };
      assert.deepEqual(inBash('lamina sta', ['lamina', 'sta']), ['start', 'stats']);
      assert.deepEqual(inBash('lamina --config conf', ['lamina', '--config', 'conf']), ['config.mjs']);
      const words = ['lamina', 'info', 'org/a-model', ':', 'Q'];
      await eventually(
        () => inBash('lamina info org/a-model:Q', words).join(),
        (found) => found === 'Q4',
      );
    });

    it('works in fish', async function () {
      skipWithout('fish', this);
      const script = 'lamina completion fish | source; complete -C "lamina sta"';
      const env = { ...process.env, PATH: path, HOME: folder.path };
      const { stdout } = spawnSync('fish', ['--no-config', '-c', script], { cwd: folder.path, env, encoding: 'utf8' });
      assert.match(stdout, /^start\tLoad models and keep them loaded\nstats\t/);
    });

    it('works in zsh, on a terminal', async function () {
      skipWithout('zsh', this);
      if (!hasTerminals) return this.skip();
      await writeFile(folder.file('.zshrc'), `PATH='${path}'\nPS1='ready> '\neval "$(lamina completion zsh)"\n`);
      const env = { ...process.env, ZDOTDIR: folder.path };
      const terminal = Terminal.run(['zsh', '-i'], { cwd: folder.path, env });
      try {
        await terminal.saw(/ready> /);
        // Each key is echoed before the next, as when somebody types: what comes earlier can be lost.
        terminal.type('lamina downl');
        await terminal.saw(/lamina downl/);
        terminal.type('\t');
        await terminal.saw(/oads /);
      } finally {
        await terminal.close();
      }
    });
  });
});
