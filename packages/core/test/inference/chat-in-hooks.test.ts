// Chats that plugins make inside their hooks: they never wait for themselves.
import assert from 'node:assert/strict';
import { LaminaError, type Lamina } from '@lamina/core';
import type { Plugin } from '@lamina/core/plugin';
import { createTestLamina, fakePlugin } from '@lamina/testing';

const messages = [{ role: 'user', content: 'hi' }];

describe('a chat inside a hook', () => {
  let lamina: Lamina;
  const start = (...plugins: Plugin[]) =>
    createTestLamina({
      files: { 'model.fake': 'a fake model' },
      plugins: [fakePlugin(), ...plugins],
      manifest: {
        models: { tiny: { path: 'model.fake', backend: 'fake' }, other: { path: 'model.fake', backend: 'fake' } },
      },
    }).then((started) => (lamina = started));
  afterEach(() => lamina.close({ signal: AbortSignal.abort() }));

  it('runs without the taps of its plugin, and of those in whose taps it runs', async () => {
    const seen: string[] = [];
    const asking = (name: string): Plugin => ({
      name,
      setup({ hooks, inference }) {
        hooks.beforeRequest.tap(async ({ id }, { signal }) => {
          seen.push(`${name} ${id}`);
          await inference.chat({ model: 'tiny', messages }, { signal, id: `${id}-${name}` }).text();
          return undefined;
        });
        hooks.transformResponse.tap((_response, { id }) => void seen.push(`${name} answer ${id}`));
      },
    });
    await start(asking('a'), asking('b'));
    await lamina.chat({ model: 'tiny', messages }, { id: 'one' }).text();
    assert.deepEqual(seen, [
      'a one',
      'b one-a',
      'b answer one-a',
      'b one',
      'a one-b',
      'a answer one-b',
      'a answer one',
      'b answer one',
    ]);
  });

  it('is refused instead of waiting for a start that waits for the hook', async () => {
    const errors: unknown[] = [];
    const warming: Plugin = {
      name: 'warming',
      setup({ hooks, inference }) {
        hooks.afterStart.tap(async (model, _server, { signal }) => {
          for (const name of [model.name, 'other'])
            await inference
              .chat({ model: name, messages }, { signal })
              .text()
              .catch((error) => errors.push(error));
        });
      },
    };
    await start(warming);
    assert.equal(await lamina.chat({ model: 'tiny', messages }).text(), 'tiny: 1 2 3 4');
    assert.equal(errors.length, 2);
    assert.ok(errors.every((error) => LaminaError.is(error, 'CONFLICT') && /afterStart/.test(error.message)));
  });
});
