import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { BackendType, Logger, Model } from '@lamina/core/plugin';
import { backendConformance, createTestLamina, fakeEngine } from '@lamina/testing';
import { remoteBackend } from '../../dist/builtin/remote-backend.js';
import { Remotes } from '../../dist/builtin/remotes.js';
import { systemClock } from '../../dist/kernel/clock.js';
import { fakeKit, stateOf, testFolder } from '../../../testing/dist-test/fake-kit.js';

describe('an external server', () => {
  let engine: ChildProcess;
  const options = { base_url: '', api_key_env: 'THEIR_KEY' };
  const env = { THEIR_KEY: 'sk-theirs' };

  before(async () => {
    const {
      executable,
      args,
      env: own,
    } = fakeEngine({ model: 'theirs', key: env.THEIR_KEY, behaviour: { chunk_ms: 2, ids: ['org/Theirs'] } });
    engine = spawn(executable, args, { env: { ...process.env, ...own }, stdio: ['ignore', 'pipe', 'pipe'] });
    options.base_url = `${await listening(engine)}/v1`;
  });
  after(async () => {
    engine.kill();
    await once(engine, 'exit');
  });

  const quiet: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    child: () => quiet,
  };
  const folder = testFolder();
  const remains = 'the server is external: it is attached and detached, never started or stopped';
  const kit = fakeKit(folder, {
    type: backendType(env),
    options,
    env,
    missing: { base_url: 'http://127.0.0.1:9/v1' },
    model: () => model('their-model', { id: 'org/Theirs' }),
    busy: async (server) => (await stateOf(server)).busy,
    says: () => 'org/Theirs: 1 2',
    skip: {
      'a probe finds the engine and its version': 'there is no standard way to get the version of a server',
      'the memory estimate is positive and grows with the context': 'it uses no memory of this machine',
      'options reach the engine': 'its only option is the name of the model on the server, which every case uses',
      'two models run concurrently at different endpoints': 'all models of a remote share its endpoint',
      'a start of a damaged model fails with a reason': remains,
      'a failed start leaves nothing behind': remains,
      'a stop leaves no process and no open port': remains,
      'the engine ends on SIGTERM': remains,
      'a stop ends in time during a streamed response': remains,
      'a stop with an aborted signal kills at once': remains,
      'a stop becomes a kill when its signal is aborted': remains,
      'a killed engine resolves closed as a crash, with a reason': remains,
      'a crash leaves nothing behind': remains,
      'a server responds after sleep and wake': remains,
    },
  });
  for (const { name, skip, run } of backendConformance(kit)) {
    if (skip === undefined) it(name, run);
    else it.skip(`${name} (${skip})`);
  }

  it('serves models without files, side by side, outside the limit of loaded models', async () => {
    const lamina = await createTestLamina({
      env,
      limits: { maxLoaded: 1 },
      manifest: {
        backends: { theirs: { type: 'remote', ...options } },
        models: {
          big: { backend: 'theirs', options: { id: 'org/Theirs' } },
          other: { backend: 'theirs', options: { id: 'org/Theirs' } },
        },
      },
    });
    try {
      assert.deepEqual(
        lamina.models.list().map(({ available, model: { format, files } }) => [available, format, files]),
        [
          [true, 'remote', []],
          [true, 'remote', []],
        ],
      );
      await lamina.runtime.start('big');
      assert.equal((await lamina.runtime.start('other')).lifetime, 'external');
      assert.deepEqual(
        lamina.runtime.slots().map(({ state }) => state),
        ['ready', 'ready'],
      );
      const lease = await lamina.runtime.acquire('big', { signal: AbortSignal.timeout(5_000) });
      assert.deepEqual(lease.info.ids, { big: 'org/Theirs' });
      lease.release();
    } finally {
      await lamina.close();
    }
    assert.equal((await fetch(new URL('/health', options.base_url))).status, 200);
  });

  it('is not called with a key that is not a valid header, because the error would quote the key', async () => {
    const lamina = await createTestLamina({
      env: { THEIR_KEY: 'sk-first\nsk-second' },
      manifest: { backends: { theirs: { type: 'remote', ...options } }, models: { big: { backend: 'theirs' } } },
    });
    try {
      const [record] = await lamina.backends.list();
      assert.match(JSON.stringify(record), /THEIR_KEY contains a space or another character/);
      assert.doesNotMatch(JSON.stringify(record), /sk-/);
      await assert.rejects(
        lamina.runtime.start('big'),
        (error: Error) => /THEIR_KEY/.test(error.message) && !error.message.includes('sk-'),
      );
    } finally {
      await lamina.close();
    }
  });

  it('reports what is wrong: no key in the environment, a wrong key, no server', async () => {
    const probe = (overrides: object, theirs: Record<string, string>) =>
      backendType(theirs)
        .create('theirs', { base_url: options.base_url, ...overrides })
        .probe({ env: theirs, signal: AbortSignal.timeout(5_000), log: quiet });
    const reasons = await Promise.all([
      probe({ api_key_env: 'THEIR_KEY' }, {}),
      probe({ api_key_env: 'THEIR_KEY' }, { THEIR_KEY: 'wrong' }),
      probe({ base_url: 'http://127.0.0.1:9/v1' }, {}),
    ]);
    const expected = [/THEIR_KEY is not set/, /refuses the key/, /^its server does not respond/];
    reasons.forEach((answer, index) =>
      assert.match('reason' in answer ? answer.reason : 'it is available', expected[index]!),
    );
  });

  function backendType(theirs: Record<string, string>): BackendType {
    const signal = new AbortController().signal;
    return remoteBackend(new Remotes({ fetch, env: theirs, clock: systemClock, signal }, quiet));
  }

  function model(name: string, options: Record<string, unknown>): Model {
    return { name, files: [], format: 'remote', aliases: [], options, pinned: false, limits: {}, from: 'manifest' };
  }

  function listening({ stdout, stderr }: ChildProcess): Promise<string> {
    let output = '';
    return new Promise((resolve) => {
      for (const stream of [stdout!, stderr!]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          const found = /listening on (http:\/\/[^\s/]+)/.exec((output += text))?.[1];
          if (found !== undefined) resolve(found);
        });
      }
    });
  }
});
