// createLamina({ configure }): a host replaces services, and mistakes are rejected with a message.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, tokens, type Clock, type LaminaOptions, type Policy } from '@lamina/core';
import { ManualClock } from './runtime/manual-clock.js';

describe('the options of createLamina', () => {
  let modelsDir: string;
  beforeEach(async () => (modelsDir = await mkdtemp(join(tmpdir(), 'lamina-configure-'))));
  afterEach(() => rm(modelsDir, { recursive: true, force: true }));

  const create = (options: LaminaOptions) => createLamina({ modelsDir, manifest: {}, log: 'silent', ...options });
  const policy: Policy = { order: () => [], victims: () => [], backoffMs: () => 0 };

  const refused = (options: LaminaOptions, message: string | RegExp) =>
    assert.rejects(create(options), { code: 'CONFIG_INVALID', message });

  it('replaces a service for everything that uses it', async () => {
    const clock: Clock = new ManualClock();
    const lamina = await create({
      configure: (container) => void container.rebind(tokens.Clock).toConstantValue(clock),
    });
    const ended = lamina.events.once('manifest.changed', { signal: AbortSignal.timeout(10_000) });
    await lamina.models.save('a', { path: 'a.gguf' });
    assert.equal((await ended).at, new Date(clock.now()).toISOString());
    await lamina.close();
  });

  it('rejects binding a token a second time', () =>
    refused(
      { configure: (container) => void container.bind(tokens.Policy).toConstantValue(policy) },
      'configure binds tokens.Policy, which is already bound. To replace it, write container.rebind(tokens.Policy).',
    ));

  it('rejects a promise from configure', async () => {
    const configure = async () => Promise.reject(new Error('late'));
    // The mistake under test: an async function.
    await refused({ configure }, /^configure returned a promise, but it must be synchronous\. Await /);
  });

  it('reject an unknown option and name the nearest one', () =>
    refused({ modelDir: '.' } as LaminaOptions, 'createLamina has no option "modelDir"; did you mean "modelsDir"?'));
});
