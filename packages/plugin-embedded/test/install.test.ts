import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StartContext } from '@lamina/core/plugin';
import { Installer } from '../dist/install/installer.js';
import { build, NpmRegistry } from './npm-registry.js';

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

describe('node-llama-cpp is installed at its first use', function () {
  this.timeout(60_000);
  let folder: string;
  let registry: NpmRegistry;
  let installer: Installer;
  let groups: { readonly registered: number[]; readonly released: number[] };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-install-'));
    registry = await NpmRegistry.open(folder);
    installer = new Installer(registry.lock);
    groups = { registered: [], released: [] };
  });
  afterEach(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });

  const dataDir = () => join(folder, 'data');
  const installation = () => ({ directory: join(dataDir(), 'engine'), build, model: 'tiny' });
  const filesLeft = () => readdir(dataDir());

  /** A start as an installation sees it; npm has a cache and a configuration of its own. */
  function start(
    parts: {
      signal?: AbortSignal;
      registry?: string;
      stages?: string[];
      logged?: string[];
      onProgress?: () => void;
    } = {},
  ): StartContext {
    const { signal = AbortSignal.timeout(50_000), stages = [], logged = [], onProgress } = parts;
    const log = { info: (_: object, message: string) => void logged.push(message) };
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
    const progress = ({ stage, ratio }: { stage: string; ratio?: number }) => {
      stages.push(`${stage} ${ratio}`);
      onProgress?.();
    };
    return { signal, env, guard, progress, log, output: () => undefined } as unknown as StartContext;
  }

  it('completely, with progress that is logged at each tenth', async () => {
    const stages: string[] = [];
    const logged: string[] = [];
    await installer.ensure(installation(), start({ stages, logged }));
    const last = logged.pop();
    assert.deepEqual(
      logged,
      [0, 20, 50, 70, 100].map((percent) => `The embedded engine: installing node-llama-cpp 9.9.9, ${percent} %`),
    );
    assert.match(last ?? '', /^Installed the embedded engine in \d+\.\d s at .*\/engine$/);
    assert.deepEqual(await filesLeft(), ['engine']);
    assert.ok(
      'node_modules' in Object.fromEntries((await readdir(installation().directory)).map((name) => [name, true])),
    );
    assert.deepEqual(
      stages,
      [0, 0.25, 0.5, 0.75, 1].map((ratio) => `installing node-llama-cpp 9.9.9 ${ratio}`),
    );
    assert.deepEqual(groups.released, groups.registered);
  });

  it('only once', async () => {
    await installer.ensure(installation(), start());
    await installer.ensure(installation(), start({ registry: 'http://127.0.0.1:1/' }));
    assert.equal(groups.registered.length, 1);
  });

  it('once for two concurrent starts, which both get its progress', async () => {
    const stages: string[][] = [[], []];
    await Promise.all(stages.map((each) => installer.ensure(installation(), start({ stages: each }))));
    assert.deepEqual([groups.registered.length, registry.fetched], [1, 2]);
    assert.equal(stages[1]!.at(-1), 'installing node-llama-cpp 9.9.9 1');
  });

  it('by two Laminas that share a directory: the first to finish wins', async () => {
    await Promise.all([installer, new Installer(registry.lock)].map((each) => each.ensure(installation(), start())));
    assert.deepEqual(await filesLeft(), ['engine']);
  });

  it('not at all after an abort, which kills npm and leaves no files', async () => {
    registry.isResponding = false;
    const caller = new AbortController();
    const installed = installer.ensure(installation(), start({ signal: caller.signal }));
    await registry.nextRequest();
    caller.abort(new Error('no caller waits'));
    await assert.rejects(installed, /no caller waits/);
    assert.deepEqual(await filesLeft(), []);
    assert.deepEqual([groups.registered.length, groups.released.length], [1, 1]);
    assert.throws(() => process.kill(-groups.registered[0]!, 0), { code: 'ESRCH' });
  });

  it('and continues while another caller still waits', async () => {
    registry.isResponding = false;
    const caller = new AbortController();
    const firstRequest = registry.nextRequest();
    const aborted = installer.ensure(installation(), start({ signal: caller.signal }));
    const abortedEnd = assert.rejects(aborted, { name: 'AbortError' });
    await firstRequest;
    const { promise: joined, resolve: onProgress } = deferred();
    const remaining = installer.ensure(installation(), start({ onProgress }));
    await joined;
    caller.abort();
    await abortedEnd;
    registry.release();
    await remaining;
    assert.equal(groups.registered.length, 1);
  });

  it('again after an aborted installation', async () => {
    registry.isResponding = false;
    const caller = new AbortController();
    const first = installer.ensure(installation(), start({ signal: caller.signal }));
    const firstGone = assert.rejects(first, { name: 'AbortError' });
    await registry.nextRequest();
    registry.isResponding = true;
    caller.abort();
    await installer.ensure(installation(), start());
    await firstGone;
    assert.deepEqual(await filesLeft(), ['engine']);
  });

  it('unless there is no network, with a message and what to do', async () => {
    const failed = installer.ensure(installation(), start({ registry: 'http://127.0.0.1:1/' }));
    await assert.rejects(failed, (error: { code: string; message: string }) => {
      assert.equal(error.code, 'BACKEND_UNAVAILABLE');
      assert.match(
        error.message,
        /^No backend can run model "tiny": node-llama-cpp could not be installed: the npm registry cannot be reached\. Fix that and try again; or install it by hand with "npm install --prefix \S+\/engine --ignore-scripts --omit=optional node-llama-cpp@9\.9\.9 @node-llama-cpp\/tiny@9\.9\.9"/,
      );
      return true;
    });
    assert.deepEqual(await filesLeft(), []);
  });

  it('only from packages that match the lock file', async () => {
    const text = await readFile(registry.lock, 'utf8');
    await writeFile(registry.lock, text.replaceAll(/sha512-..../g, 'sha512-AAAA'));
    await assert.rejects(installer.ensure(installation(), start()), {
      code: 'BACKEND_UNAVAILABLE',
      message: /a package from the npm registry does not match the lock file \(EINTEGRITY\)/,
    });
    assert.deepEqual(await filesLeft(), []);
  });

  it('unless the directory contains other files', async () => {
    await mkdir(installation().directory, { recursive: true });
    await writeFile(join(installation().directory, 'letter.txt'), 'dear');
    await assert.rejects(installer.ensure(installation(), start()), {
      message: /engine contains something else; empty it\./,
    });
    assert.deepEqual(await readdir(installation().directory), ['letter.txt']);
  });

  it('after removing only what a killed Lamina left behind', async () => {
    await mkdir(join(dataDir(), 'engine.part-999999999-1'), { recursive: true });
    await mkdir(join(dataDir(), `engine.part-${process.pid}-77`));
    await installer.ensure(installation(), start());
    assert.deepEqual((await filesLeft()).sort(), ['engine', `engine.part-${process.pid}-77`]);
  });
});
