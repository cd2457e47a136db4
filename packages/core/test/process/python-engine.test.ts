// Finding an engine that is a Python package, in real virtual environments: by its script, or by a Python that has it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processBackend } from '../../dist/process/process-backend.js';
import { pythonEngine } from '../../dist/process/python-engine.js';
import { testLog, never } from './engine-fixture.js';

const engine = pythonEngine({
  script: 'serpent',
  module: 'serpent.cli',
  package: 'serpent',
  distribution: 'serpent(-(cpu|cu\\d+))?',
});
const hasPython = spawnSync('python3', ['-c', 'import venv'], { stdio: 'ignore' }).status === 0;

(hasPython ? describe : describe.skip)(
  `a Python package as an engine${hasPython ? '' : ' (skipped: there is no python3 with venv in PATH)'}`,
  function () {
    this.timeout(60_000);
    let folder: string;
    before(async () => {
      folder = await realpath(await mkdtemp(join(tmpdir(), 'lamina-python-')));
      await environment('whole');
      await environment('other', { package: 'adder' });
    });
    after(() => rm(folder, { recursive: true }));

    /**
     * A virtual environment with a package that must be found without importing it, its distribution, and its
     * script.
     */
    async function environment(name: string, parts: { package?: string; distribution?: string } = {}): Promise<void> {
      const { package: owned = 'serpent', distribution = 'Serpent-CPU' } = parts;
      const home = join(folder, name);
      execFileSync('python3', ['-m', 'venv', '--without-pip', home]);
      const site = execFileSync(
        join(home, 'bin/python'),
        ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])'],
        { encoding: 'utf8' },
      ).trim();
      await mkdir(join(site, owned));
      await writeFile(join(site, owned, '__init__.py'), 'raise SystemExit("imported")\n');
      await mkdir(join(site, 'a-1.dist-info'));
      await writeFile(
        join(site, 'a-1.dist-info/METADATA'),
        `Metadata-Version: 2.1\nName: ${distribution}\nVersion: 4.5.6+cpu\n`,
      );
      await writeFile(join(home, 'bin/serpent'), `#!${home}/bin/python\n`, { mode: 0o755 });
    }

    function probe(env: Record<string, string>, executable?: string) {
      const { executable: name, candidates, version, probe: runProbe } = engine;
      const type = processBackend({
        type: 'serpent',
        formats: ['x'],
        executable: name,
        candidates,
        version,
        probe: runProbe,
        command: () => ({ args: [] }),
      });
      return type
        .create('serpent', executable === undefined ? {} : { executable })
        .probe({ signal: never, log: testLog(), env: { PATH: '/nowhere', ...env } });
    }

    const at = (path: string) => join(folder, path);
    const found = (path: string) => ({ available: true, executable: at(path), version: '4.5.6+cpu' });

    it('is found by its script: in the active environment, of venv or conda, then in PATH', async () => {
      assert.deepEqual(await probe({ VIRTUAL_ENV: at('whole') }), found('whole/bin/serpent'));
      assert.deepEqual(await probe({ CONDA_PREFIX: at('whole') }), found('whole/bin/serpent'));
      assert.deepEqual(await probe({ PATH: at('whole/bin') }), found('whole/bin/serpent'));
    });

    it('is found at the path in an option: a script, a link to one, or a Python', async () => {
      await symlink(at('whole/bin/serpent'), at('link'));
      assert.deepEqual(await probe({}, at('whole/bin/serpent')), found('whole/bin/serpent'));
      assert.deepEqual(await probe({}, at('link')), { ...found('link') });
      assert.deepEqual(await probe({}, at('whole/bin/python')), found('whole/bin/python'));
    });

    it('is found by a Python that has it when there is no script', async () => {
      await environment('scriptless');
      await unlink(at('scriptless/bin/serpent'));
      assert.deepEqual(await probe({ VIRTUAL_ENV: at('scriptless') }), found('scriptless/bin/python'));
      assert.deepEqual(engine.start({ executable: at('scriptless/bin/python') }), ['-m', 'serpent.cli']);
      assert.deepEqual(engine.start({ executable: at('whole/bin/serpent') }), []);
    });

    it('is not a Python that has another package, nor a script that has no Python', async () => {
      const other = await probe({}, at('other/bin/python'));
      assert.match(other.available ? '' : other.reason, /cannot be used: this Python has no package serpent$/);
      await writeFile(at('serpent'), '#!/bin/sh\n', { mode: 0o755 });
      const script = await probe({}, at('serpent'));
      assert.match(
        script.available ? '' : script.reason,
        /there is no Python beside it, so it is not the serpent of a Python package$/,
      );
    });

    it('has no version when no distribution contains it', async () => {
      await environment('unnamed', { distribution: 'something-else' });
      assert.deepEqual(await probe({ VIRTUAL_ENV: at('unnamed') }), {
        available: true,
        executable: at('unnamed/bin/serpent'),
      });
    });

    it('is reported as missing by its usual name', async () => {
      const missing = await probe({ VIRTUAL_ENV: at('nothing') });
      assert.match(missing.available ? '' : missing.reason, /^"serpent" is not in PATH$/);
    });
  },
);
