import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstallContext } from '@lamina/core/plugin';
import { install } from '../dist/install/installer.js';
import { build, NpmRegistry } from './npm-registry.js';
import { quiet } from './real-engine.js';

describe('node-llama-cpp is installed at its first use', function () {
  this.timeout(60_000);
  let folder: string;
  let registry: NpmRegistry;
  let groups: { readonly registered: number[]; readonly released: number[] };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-install-'));
    registry = await NpmRegistry.open(folder);
    groups = { registered: [], released: [] };
  });
  afterEach(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });

  const dataDir = () => join(folder, 'data');
  const directory = () => join(dataDir(), 'engine');
  const ensure = (context: InstallContext) =>
    install({ directory: directory(), build, backend: 'embedded' }, context, registry.lock);
  const filesLeft = () => readdir(dataDir());

  /** The context of an installation; npm has a cache and a configuration of its own. */
  function start(parts: { signal?: AbortSignal; registry?: string; stages?: string[] } = {}): InstallContext {
    const { signal = AbortSignal.timeout(50_000), stages = [] } = parts;
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      npm_config_cache: join(folder, 'cache'),
      npm_config_registry: parts.registry ?? registry.url,
    };
    const guard = (pid: number) => {
      groups.registered.push(pid);
      return () => void groups.released.push(pid);
    };
    const progress = ({ stage, ratio }: { stage: string; ratio?: number }) => void stages.push(`${stage} ${ratio}`);
    return { signal, env, guard, progress, log: quiet, output: () => undefined };
  }

  it('completely, with progress', async () => {
    const stages: string[] = [];
    assert.equal(await ensure(start({ stages })), true);
    assert.deepEqual(await filesLeft(), ['engine']);
    assert.ok('node_modules' in Object.fromEntries((await readdir(directory())).map((name) => [name, true])));
    assert.deepEqual(
      stages,
      [0, 0.25, 0.5, 0.75, 1].map((ratio) => `installing node-llama-cpp 9.9.9 ${ratio}`),
    );
    assert.deepEqual(groups.released, groups.registered);
  });

  it('only once', async () => {
    await ensure(start());
    assert.equal(await ensure(start({ registry: 'http://127.0.0.1:1/' })), false);
    assert.equal(groups.registered.length, 1);
  });

  it('by two Laminas that share a directory: the first to finish wins', async () => {
    await Promise.all([ensure(start()), ensure(start())]);
    assert.deepEqual(await filesLeft(), ['engine']);
  });

  it('not at all after an abort, which kills npm and leaves no files', async () => {
    registry.isResponding = false;
    const caller = new AbortController();
    const installed = ensure(start({ signal: caller.signal }));
    await registry.nextRequest();
    caller.abort(new Error('no caller waits'));
    await assert.rejects(installed, /no caller waits/);
    assert.deepEqual(await filesLeft(), []);
    assert.deepEqual([groups.registered.length, groups.released.length], [1, 1]);
    assert.throws(() => process.kill(-groups.registered[0]!, 0), { code: 'ESRCH' });
  });

  it('again after an aborted installation', async () => {
    registry.isResponding = false;
    const caller = new AbortController();
    const first = ensure(start({ signal: caller.signal }));
    const firstGone = assert.rejects(first, { name: 'AbortError' });
    await registry.nextRequest();
    registry.isResponding = true;
    caller.abort();
    await ensure(start());
    await firstGone;
    assert.deepEqual(await filesLeft(), ['engine']);
  });

  it('unless there is no network, with a message and what to do', async () => {
    const failed = ensure(start({ registry: 'http://127.0.0.1:1/' }));
    await assert.rejects(failed, (error: { code: string; message: string }) => {
      assert.equal(error.code, 'BACKEND_INSTALL_FAILED');
      assert.match(
        error.message,
        /^The engine of the backend "embedded" could not be installed: node-llama-cpp could not be installed: the npm registry cannot be reached\. Fix that and try again; or install it by hand with "npm install --prefix \S+\/engine --ignore-scripts --omit=optional node-llama-cpp@9\.9\.9 @node-llama-cpp\/tiny@9\.9\.9"/,
      );
      return true;
    });
    assert.deepEqual(await filesLeft(), []);
  });

  it('only from packages that match the lock file', async () => {
    const text = await readFile(registry.lock, 'utf8');
    await writeFile(registry.lock, text.replaceAll(/sha512-..../g, 'sha512-AAAA'));
    await assert.rejects(ensure(start()), {
      code: 'BACKEND_INSTALL_FAILED',
      message: /a package from the npm registry does not match the lock file \(EINTEGRITY\)/,
    });
    assert.deepEqual(await filesLeft(), []);
  });

  it('unless the directory contains other files', async () => {
    await mkdir(directory(), { recursive: true });
    await writeFile(join(directory(), 'letter.txt'), 'dear');
    await assert.rejects(ensure(start()), {
      message: /engine contains something else; empty it\./,
    });
    assert.deepEqual(await readdir(directory()), ['letter.txt']);
  });

  it('after removing only what a killed Lamina left behind', async () => {
    await mkdir(join(dataDir(), 'engine.part-999999999-1'), { recursive: true });
    await mkdir(join(dataDir(), `engine.part-${process.pid}-77`));
    await ensure(start());
    assert.deepEqual((await filesLeft()).sort(), ['engine', `engine.part-${process.pid}-77`]);
  });
});
