// Finding an engine: by path, by name, by its output; and the error when there is none.
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Availability, Backend } from '../../dist/contract/backends.js';
import type { ProcessDescription } from '../../dist/process/description.js';
import { processBackend } from '../../dist/process/process-backend.js';
import { EngineFixture, testLog, model, never, untilGone } from './engine-fixture.js';

describe('finding an engine', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'lamina-finder-'))));
  afterEach(() => rm(folder, { recursive: true }));

  /** Writes a program that counts its runs in a file and then does what the script says. */
  async function program(name: string, script: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, `#!/bin/sh\necho run >> "${folder}/runs"\n${script}\n`, { mode: 0o755 });
    return path;
  }

  /** Resolves when a file of this name appears in the folder. */
  async function fileNamed(name: string): Promise<void> {
    for await (const { filename } of watch(folder)) if (filename === name) return;
  }

  function backend(options: Record<string, unknown> = {}, own: Partial<ProcessDescription> = {}): Backend {
    return processBackend({
      type: 'found',
      formats: ['test'],
      executable: 'engine-of-a-test',
      command: () => ({ args: [] }),
      ...own,
    }).create('mine', options);
  }

  function probe(
    found: Backend,
    env: Record<string, string> = { PATH: `/nowhere:${folder}:/usr/bin:/bin` },
    signal: AbortSignal = never,
  ): Promise<Availability> {
    return found.probe({ signal, log: testLog(), env });
  }

  it('finds a name in PATH, and the first part of the output that looks like a version', async () => {
    const executable = await program('engine-of-a-test', 'echo "engine of a test, version 1.2.3 (Debian)" >&2');
    assert.deepEqual(await probe(backend()), { available: true, executable, version: '1.2.3' });
  });

  it('finds an absolute path and a relative one', async () => {
    const executable = await program('elsewhere', 'echo 7.1');
    for (const configured of [executable, `./${relative(process.cwd(), executable)}`]) {
      assert.deepEqual(await probe(backend({ executable: configured })), {
        available: true,
        executable,
        version: '7.1',
      });
    }
  });

  it('reports that a name is not in PATH, how to install it, and where to set its path', async () => {
    const found = await probe(backend({}, { install: 'Install it with "apt install engine".' }));
    assert.deepEqual(found, {
      available: false,
      reason: '"engine-of-a-test" is not in PATH',
      hint: 'Install it with "apt install engine". Or set "executable" of the backend "mine" in the manifest.',
    });
  });

  it('distinguishes a missing PATH from a missing engine', async () => {
    const found = await probe(backend(), {});
    assert.match(
      found.available ? '' : found.reason + found.hint,
      /has no PATH.*createLamina\(\{ env: process\.env \}\)/,
    );
  });

  it('reports what is wrong with a path: missing, a folder, not executable', async () => {
    const plain = await program('plain', '');
    await chmod(plain, 0o644);
    await mkdir(join(folder, 'folder'));
    const reasons = await Promise.all(
      ['none', 'folder', 'plain'].map(
        async (name) => (await probe(backend({ executable: join(folder, name) }))) as { reason: string; hint: string },
      ),
    );
    assert.deepEqual(
      reasons.map(({ reason }) => reason),
      [`there is no file ${folder}/none`, `${folder}/folder is not a file`, `${plain} is not executable`],
    );
    assert.match(reasons[2]!.hint, /chmod \+x/);
  });

  it('skips a file that is not executable when PATH has another one, and names it otherwise', async () => {
    await mkdir(join(folder, 'first'));
    await writeFile(join(folder, 'first', 'engine-of-a-test'), '');
    const alone = (await probe(backend(), { PATH: join(folder, 'first') })) as { reason: string };
    assert.equal(alone.reason, `${folder}/first/engine-of-a-test is not executable`);
    const executable = await program('engine-of-a-test', 'echo 1.0');
    assert.deepEqual(await probe(backend(), { PATH: `${folder}/first:${folder}:/bin` }), {
      available: true,
      executable,
      version: '1.0',
    });
  });

  it('reports why an existing program cannot run', async () => {
    const broken = await program('broken', 'echo "error while loading shared libraries: libx.so" >&2; exit 127');
    const found = (await probe(backend({ executable: broken }))) as { reason: string };
    assert.equal(found.reason, `${broken} cannot be used: error while loading shared libraries: libx.so`);
    await writeFile(broken, '#!/no/such/interpreter\n');
    assert.match(
      ((await probe(backend({ executable: broken }))) as { reason: string }).reason,
      /cannot be used: .*ENOENT/,
    );
  });

  it('accepts an engine without --version as one without a version', async () => {
    const executable = await program('engine-of-a-test', 'echo "unknown option" >&2; exit 2');
    assert.deepEqual(await probe(backend()), { available: true, executable });
  });

  it('runs the engine once, again when it changes, and notices when it is removed', async () => {
    const executable = await program('engine-of-a-test', 'echo 1.0');
    const mine = backend();
    await probe(mine);
    await rm(join(folder, 'runs'));
    await probe(mine);
    await assert.rejects(rm(join(folder, 'runs')), /ENOENT/);
    await program('engine-of-a-test', 'echo 2.0');
    await utimes(executable, 1, 1);
    assert.deepEqual(await probe(mine), { available: true, executable, version: '2.0' });
    await rm(executable);
    assert.equal((await probe(mine)).available, false);
  });

  it('lets the backend probe the engine, in the environment it will run in', async () => {
    await program('engine-of-a-test', 'echo "1.0 $MINE $SECRET_TOKEN $HOME"');
    const mine = backend(
      { env: { MINE: 'yes' } },
      {
        scrubEnv: ['SECRET_*', 'HOME'],
        version: { args: ['--what'], parse: ({ stdout }) => stdout.trim() },
        probe: async (engine, { run }) => ({
          devices: [{ name: (await run(['--devices'])).stdout }, { name: engine.version! }],
        }),
      },
    );
    const found = await probe(mine, { PATH: `${folder}:/bin`, SECRET_TOKEN: 'hush', HOME: '/root' });
    assert.deepEqual(found.available && [found.version, found.devices], [
      '1.0 yes',
      [{ name: '1.0 yes  ' }, { name: '1.0 yes' }],
    ]);
  });

  it('turns a failing probe into a reason, not a crash', async () => {
    const executable = await program('engine-of-a-test', 'echo 1.0');
    const found = await probe(backend({}, { probe: () => Promise.reject(new Error('no such driver')) }));
    assert.equal((found as { reason: string }).reason, `${executable} cannot be used: no such driver`);
  });

  it('kills a hanging --version and its children when the signal is aborted', async () => {
    const caller = new AbortController();
    await program(
      'engine-of-a-test',
      `sleep 1000 & echo "$$ $!" > "${folder}/part"; mv "${folder}/part" "${folder}/pids"; wait`,
    );
    const started = fileNamed('pids');
    const probing = probe(backend(), undefined, caller.signal);
    await started;
    const pids = (await readFile(join(folder, 'pids'), 'utf8')).trim().split(' ').map(Number);
    assert.equal(pids.length, 2);
    caller.abort(new Error('enough'));
    await assert.rejects(probing, /enough/);
    await Promise.all(pids.map(untilGone));
  });

  it('reports in the error of a start how to install a missing engine', async () => {
    await assert.rejects(backend().start(model, new EngineFixture().context()), {
      code: 'BACKEND_UNAVAILABLE',
      message: /^No backend can run model "tiny": "engine-of-a-test" is not in PATH\. Set /,
    });
  });
});
