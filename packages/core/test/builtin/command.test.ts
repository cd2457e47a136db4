import assert from 'node:assert/strict';
import { backendConformance, createTestLamina, fakeEngine } from '@lamina/testing';
import type { BackendType, Model } from '@lamina/core/plugin';
import { commandBackend } from '../../dist/builtin/command-backend.js';
import { fakeKit, stateOf, testFolder } from '../../../testing/dist-test/fake-kit.js';
import { fakeModel } from '../../../testing/dist-test/fake-model.js';

const program = fakeEngine({ model: '' }).args[0]!;
const behaviour = `'${JSON.stringify({ chunk_ms: 2 })}'`;
const command = `${process.execPath} "${program}" --model \${MODEL} --file \${MODEL_PATH} --port \${PORT} --behaviour ${behaviour}`;
const key = { FAKE_ENGINE_KEY: '${KEY}' };

describe('an engine that is only a command line', () => {
  const folder = testFolder();
  const options = { command, formats: ['fake'], health: '/health', env: key };
  const kit = fakeKit(folder, {
    type: commandBackend(),
    options,
    missing: { ...options, command: '/nonexistent/engine' },
    reach: {
      options: { extra_args: ['--behaviour', '{"parallel":3,"chunk_ms":2}'] },
      verify: async (server) =>
        assert.equal(
          (
            (await (
              await fetch(new URL('/fake/info', server.endpoint().baseUrl), {
                headers: server.endpoint().headers ?? {},
              })
            ).json()) as { parallel: number }
          ).parallel,
          3,
        ),
    },
    busy: async (server) => (await stateOf(server)).busy,
    skip: {
      'a probe finds the engine and its version': 'there is no standard way to get the version of a command',
      'the memory estimate is positive and grows with the context': 'the memory use of a command is unknown',
      'a server responds after sleep and wake': 'a command cannot sleep',
    },
  });
  for (const { name, skip, run } of backendConformance(kit)) {
    if (skip === undefined) it(name, run);
    else it.skip(`${name} (${skip})`);
  }

  it('is verified when it requires a key, and unverified when it does not', async () => {
    for (const [env, verified] of [
      [key, true],
      [{}, false],
    ] as const) {
      const server = await start({ command, formats: ['fake'], env }, fakeModel(folder, 'good'));
      assert.equal(server.info.verified, verified);
      await server.stop({ reason: 'requested', signal: AbortSignal.timeout(5_000) });
    }
  });

  it('is not ready before it prints the ready line', async () => {
    const early = command.replace(behaviour, `'${JSON.stringify({ ready_early: true, load_ms: 300 })}'`);
    const server = await start(
      { command: early, formats: ['fake'], env: key, ready_log: '^listening on' },
      fakeModel(folder, 'good'),
    );
    const reply = await fetch(`${server.endpoint().baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { ...server.endpoint().headers, 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'hi' }] }),
    });
    assert.equal(reply.status, 200);
    await server.stop({ reason: 'requested', signal: AbortSignal.timeout(5_000) });
  });

  it('serves models of models.yaml without code', async () => {
    const lamina = await createTestLamina({
      files: { 'a.fake': 'x' },
      manifest: {
        backends: { mine: { type: 'command', ...options } },
        models: { a: { path: 'a.fake', format: 'fake', backend: 'mine' } },
      },
    });
    try {
      assert.equal((await lamina.runtime.start('a')).state, 'ready');
      const records = await lamina.backends.list();
      assert.deepEqual(
        records.map(({ name, formats }) => [name, formats]),
        [['mine', ['fake']]],
      );
    } finally {
      await lamina.close();
    }
  });

  it('serves a model without files when its command asks for none', async () => {
    const opening = command.replace(' --file ${MODEL_PATH}', '');
    const lamina = await createTestLamina({
      manifest: {
        backends: {
          own: { type: 'command', ...options, command: opening },
          asking: { type: 'command', ...options },
        },
        models: {
          a: { backend: 'own' },
          b: { backend: 'asking' },
          c: { backend: 'own', path: 'c.fake' },
        },
      },
    });
    try {
      const records = lamina.models.list().map(({ model, missing }) => [model.name, model.format, missing.length]);
      assert.deepEqual(records, [
        ['a', 'fake', 0],
        ['b', 'unknown', 1],
        ['c', 'unknown', 1],
      ]);
      assert.equal((await lamina.runtime.start('a')).state, 'ready');
    } finally {
      await lamina.close();
    }
  });

  it('does not affect other backends when it is not valid', async () => {
    const lamina = await createTestLamina({
      manifest: {
        backends: {
          mine: { type: 'command', command: 'serve "', formats: ['fake'] },
          regex: { type: 'command', command: 'serve', formats: ['fake'], ready_log: '(' },
        },
      },
    });
    try {
      const reasons = (await lamina.backends.list()).map(({ availability }) =>
        'reason' in availability ? availability.reason : 'available',
      );
      assert.match(reasons[0]!, /unclosed quote/);
      assert.match(reasons[1]!, /Invalid regular expression/);
    } finally {
      await lamina.close();
    }
  });

  function start(backendOptions: Record<string, unknown>, model: Model, type: BackendType = commandBackend()) {
    const quiet = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
      child: () => quiet,
    };
    const context = {
      signal: AbortSignal.timeout(10_000),
      log: quiet,
      env: {},
      options: {},
      adapters: [],
      progress: () => undefined,
      output: () => undefined,
      guard: () => () => undefined,
    };
    return type.create('mine', backendOptions).start(model, context);
  }
});
