// Engines that their backends install: before the first start, or on request.
import assert from 'node:assert/strict';
import type { InstallContext, LaminaEvent } from '@lamina/core/plugin';
import { createTestLamina, fakeBackend, type TestLamina } from '@lamina/testing';
import { LaminaError } from '../../dist/contract/errors.js';
import { definePlugin } from '../../dist/plugin.js';

const fake = fakeBackend();
const never = new AbortController().signal;

/** An engine that is installed when the test says so. */
class Engine {
  isInstalled = false;
  calls = 0;
  aborted = 0;
  /** The context of the running installation. */
  context: InstallContext | undefined;
  private settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  private onBegin: () => void = () => undefined;

  /** Resolves when an installation has begun. */
  readonly begun = new Promise<void>((resolve) => (this.onBegin = resolve));

  readonly install = async (context: InstallContext): Promise<boolean> => {
    if (this.isInstalled) return false;
    this.calls += 1;
    this.context = context;
    await new Promise<void>((resolve, reject) => {
      this.settle = { resolve, reject };
      context.signal.addEventListener('abort', () => {
        this.aborted += 1;
        reject(context.signal.reason as Error);
      });
      this.onBegin();
    });
    return (this.isInstalled = true);
  };

  finish(): void {
    this.settle!.resolve();
  }

  fail(error: Error): void {
    this.settle!.reject(error);
  }
}

describe('a backend that installs its engine', () => {
  let lamina: TestLamina;
  let engine: Engine;
  let events: LaminaEvent[];
  let logged: string[];

  beforeEach(async () => {
    engine = new Engine();
    [events, logged] = [[], []];
    const write = (_: object, message: string) => void logged.push(message);
    const log = { debug: () => undefined, info: write, warn: write, error: write, child: () => log };
    const plugin = definePlugin({
      name: 'engines',
      setup: (context) => {
        context.hooks.describeModel.tap((model) => ({ ...model, format: 'fake' }));
        context.addBackend({
          ...fake,
          create: (name, options) => ({ ...fake.create(name, options), install: engine.install }),
        });
        context.addBackend({
          ...fake,
          type: 'by-hand',
          create: (name, options) => ({ ...fake.create(name, options), name }),
        });
        context.addBackend({
          ...fake,
          type: 'missing',
          create: (name, options) => ({
            ...fake.create(name, options),
            probe: () =>
              Promise.resolve({ available: false, reason: 'it is not in PATH', hint: 'Install it by hand.' }),
          }),
        });
      },
    });
    const model = { path: 'tiny.fake', backend: 'fake' };
    lamina = await createTestLamina({
      plugins: [plugin()],
      log,
      files: { 'tiny.fake': 'x' },
      manifest: { models: { tiny: model, other: model } },
      limits: { maxLoaded: 2, loadTimeout: 5 },
    });
    lamina.events.onAny((event) => void events.push(event));
  });
  afterEach(() => lamina.close());

  const ofType = (type: string) =>
    events.filter((event) => event.type === type).map(({ id: _, at: __, ...data }) => data);
  const start = (model: string, signal = never) => lamina.runtime.acquire(model, { signal });

  it('installs it before the first start, whose progress it is', async () => {
    const starting = start('tiny');
    await engine.begun;
    engine.context!.progress({ stage: 'installing it', ratio: 0.5 });
    engine.finish();
    (await starting).release();
    const progress = { stage: 'installing it', ratio: 0.5 };
    assert.deepEqual(ofType('backend.progress'), [{ type: 'backend.progress', backend: 'fake', ...progress }]);
    assert.deepEqual(ofType('model.progress')[0], { type: 'model.progress', model: 'tiny', ...progress });
    assert.equal(ofType('backend.installed').length, 1);
  });

  it('logs the start, every tenth, and the time', async () => {
    const installing = lamina.backends.install('fake', { signal: never });
    await engine.begun;
    for (const ratio of [0, 0.01, 0.1, 0.19, 0.55, 1]) engine.context!.progress({ stage: 'installing it', ratio });
    engine.finish();
    await installing;
    assert.deepEqual(
      logged.filter((line) => line.includes('installing it')),
      [0, 10, 50, 100].map((percent) => `Backend fake: installing it, ${percent} %`),
    );
    assert.match(logged.at(-1) ?? '', /^Installed the engine of the backend fake in \d/);
  });

  it('installs it once for all who need it, and all get the progress', async () => {
    const stages: string[] = [];
    const starts = [start('tiny'), start('other')];
    await engine.begun;
    engine.context!.progress({ stage: 'first', ratio: 0.1 });
    const installing = lamina.backends.install('fake', {
      signal: never,
      onProgress: ({ stage }) => stages.push(stage),
    });
    engine.context!.progress({ stage: 'second', ratio: 0.2 });
    engine.finish();
    for (const lease of await Promise.all(starts)) lease.release();
    assert.equal((await installing).installed, true);
    assert.deepEqual([engine.calls, stages], [1, ['first', 'second']]);
  });

  it('continues while one waits, and ends when nobody does', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const installs = [first, second].map(({ signal }) => lamina.backends.install('fake', { signal }));
    const ends = installs.map((install) => assert.rejects(install));
    await engine.begun;
    first.abort();
    await ends[0];
    assert.equal(engine.aborted, 0);
    second.abort();
    await ends[1];
    assert.equal(engine.aborted, 1);
  });

  it('fails the start with what the installation says', async () => {
    const starting = start('tiny');
    const failing = assert.rejects(starting, {
      code: 'BACKEND_UNAVAILABLE',
      message: 'No backend can run model "tiny": the disk is full. Free some space.',
    });
    await engine.begun;
    engine.fail(
      new LaminaError('BACKEND_INSTALL_FAILED', {
        backend: 'fake',
        reason: 'the disk is full',
        hint: 'Free some space.',
      }),
    );
    await failing;
  });

  describe('on request', () => {
    const install = (name: string) => lamina.backends.install(name, { signal: never });

    it('does nothing when it is installed', async () => {
      engine.isInstalled = true;
      assert.equal((await install('fake')).installed, false);
      assert.equal((await install('by-hand')).installed, false);
      assert.equal(ofType('backend.installed').length, 0);
    });

    it('says how a missing engine is installed that people install themselves', () =>
      assert.rejects(install('missing'), {
        code: 'NOT_SUPPORTED',
        message: 'Lamina does not install missing: it is not in PATH. Install it by hand.',
      }));

    it('refuses an unknown name, and lists the names', () =>
      assert.rejects(install('fak'), { code: 'REQUEST_INVALID', message: /No backend is called "fak".*"fake"/ }));
  });
});
