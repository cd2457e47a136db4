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
  let groups: { readonly given: number[]; readonly back: number[] };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-install-'));
    registry = await NpmRegistry.open(folder);
    installer = new Installer(registry.lock);
    groups = { given: [], back: [] };
  });
  afterEach(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });

  const home = () => join(folder, 'data');
  const wanted = () => ({ directory: join(home(), 'engine'), build, model: 'tiny' });
  const left = () => readdir(home());

  /** A start, as far as an installation sees it; npm has a cache and a configuration of its own. */
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
      groups.given.push(pid);
      return () => void groups.back.push(pid);
    };
    const progress = ({ stage, ratio }: { stage: string; ratio?: number }) => {
      stages.push(`${stage} ${ratio}`);
      onProgress?.();
    };
    return { signal, env, guard, progress, log, output: () => undefined } as unknown as StartContext;
  }

  it('as a whole, with its progress, which is logged once for each tenth', async () => {
    const stages: string[] = [];
    const logged: string[] = [];
    await installer.ensure(wanted(), start({ stages, logged }));
    const last = logged.pop();
    assert.deepEqual(
      logged,
      [0, 20, 50, 70, 100].map((percent) => `The embedded engine: installing node-llama-cpp 9.9.9, ${percent} %`),
    );
    assert.match(last ?? '', /^Installed the embedded engine in \d+\.\d s at .*\/engine$/);
    assert.deepEqual(await left(), ['engine']);
    assert.ok('node_modules' in Object.fromEntries((await readdir(wanted().directory)).map((name) => [name, true])));
    assert.deepEqual(
      stages,
      [0, 0.25, 0.5, 0.75, 1].map((ratio) => `installing node-llama-cpp 9.9.9 ${ratio}`),
    );
    assert.deepEqual(groups.back, groups.given);
  });

  it('once, and never again', async () => {
    await installer.ensure(wanted(), start());
    await installer.ensure(wanted(), start({ registry: 'http://127.0.0.1:1/' }));
    assert.equal(groups.given.length, 1);
  });

  it('once for two starts at once, which both hear of it', async () => {
    const stages: string[][] = [[], []];
    await Promise.all(stages.map((each) => installer.ensure(wanted(), start({ stages: each }))));
    assert.deepEqual([groups.given.length, registry.fetched], [1, 2]);
    assert.equal(stages[1]!.at(-1), 'installing node-llama-cpp 9.9.9 1');
  });

  it('by two Laminas that share a directory: the first to be done wins', async () => {
    await Promise.all([installer, new Installer(registry.lock)].map((each) => each.ensure(wanted(), start())));
    assert.deepEqual(await left(), ['engine']);
  });

  it('or not at all: an abort kills npm and leaves nothing', async () => {
    registry.answering = false;
    const giveUp = new AbortController();
    const installed = installer.ensure(wanted(), start({ signal: giveUp.signal }));
    await registry.asked();
    giveUp.abort(new Error('nobody waits'));
    await assert.rejects(installed, /nobody waits/);
    assert.deepEqual(await left(), []);
    assert.deepEqual([groups.given.length, groups.back.length], [1, 1]);
    assert.throws(() => process.kill(-groups.given[0]!, 0), { code: 'ESRCH' });
  });

  it('and goes on while one of several still waits', async () => {
    registry.answering = false;
    const giveUp = new AbortController();
    const asked = registry.asked();
    const leaver = installer.ensure(wanted(), start({ signal: giveUp.signal }));
    const leaverGone = assert.rejects(leaver, { name: 'AbortError' });
    await asked;
    const { promise: joined, resolve: onProgress } = deferred();
    const stays = installer.ensure(wanted(), start({ onProgress }));
    await joined;
    giveUp.abort();
    await leaverGone;
    registry.letGo();
    await stays;
    assert.equal(groups.given.length, 1);
  });

  it('begins anew after one that was given up', async () => {
    registry.answering = false;
    const giveUp = new AbortController();
    const first = installer.ensure(wanted(), start({ signal: giveUp.signal }));
    const firstGone = assert.rejects(first, { name: 'AbortError' });
    await registry.asked();
    registry.answering = true;
    giveUp.abort();
    await installer.ensure(wanted(), start());
    await firstGone;
    assert.deepEqual(await left(), ['engine']);
  });

  it('without a network it says so in a sentence, and what to do', async () => {
    const failed = installer.ensure(wanted(), start({ registry: 'http://127.0.0.1:1/' }));
    await assert.rejects(failed, (error: { code: string; message: string }) => {
      assert.equal(error.code, 'BACKEND_UNAVAILABLE');
      assert.match(
        error.message,
        /^No backend can run model "tiny": node-llama-cpp could not be installed: the npm registry cannot be reached\. Fix that and try again; or install it by hand with "npm install --prefix \S+\/engine --ignore-scripts --omit=optional node-llama-cpp@9\.9\.9 @node-llama-cpp\/tiny@9\.9\.9"/,
      );
      return true;
    });
    assert.deepEqual(await left(), []);
  });

  it('takes nothing that does not match the lock file', async () => {
    const text = await readFile(registry.lock, 'utf8');
    await writeFile(registry.lock, text.replaceAll(/sha512-..../g, 'sha512-AAAA'));
    await assert.rejects(installer.ensure(wanted(), start()), {
      code: 'BACKEND_UNAVAILABLE',
      message: /a package from the npm registry does not match the lock file \(EINTEGRITY\)/,
    });
    assert.deepEqual(await left(), []);
  });

  it('does not touch a directory that holds something else', async () => {
    await mkdir(wanted().directory, { recursive: true });
    await writeFile(join(wanted().directory, 'letter.txt'), 'dear');
    await assert.rejects(installer.ensure(wanted(), start()), {
      message: /engine contains something else; empty it\./,
    });
    assert.deepEqual(await readdir(wanted().directory), ['letter.txt']);
  });

  it('clears away what a Lamina that was killed has left, and only that', async () => {
    await mkdir(join(home(), 'engine.part-999999999-1'), { recursive: true });
    await mkdir(join(home(), `engine.part-${process.pid}-77`));
    await installer.ensure(wanted(), start());
    assert.deepEqual((await left()).sort(), ['engine', `engine.part-${process.pid}-77`]);
  });
});
