import assert from 'node:assert/strict';
import type { Availability } from '@lamina/core/plugin';
import { createTestLamina, type TestLamina } from '@lamina/testing';
import { embedded } from '../dist/index.js';

describe('the embedded engine before its installation', () => {
  let lamina: TestLamina;
  afterEach(() => lamina.close());

  async function open(options: Parameters<typeof embedded>[0] = {}, backend?: { fallback: boolean }) {
    lamina = await createTestLamina({
      plugins: [embedded(options)],
      ...(backend === undefined ? {} : { manifest: { backends: { embedded: backend } } }),
    });
    const [record] = await lamina.backends.list();
    return record!;
  }

  it('is available, with its future version and a note that it is installed at first use', async () => {
    const { name, formats, availability, fallbackFor } = await open();
    assert.deepEqual([name, formats, fallbackFor], ['embedded', ['gguf'], ['llama.cpp', 'llamacpp', 'llama-cpp']]);
    const { available, version, note, executable } = availability as Extract<Availability, { available: true }>;
    assert.deepEqual(
      [available, version, note, executable],
      [
        true,
        '3.22.1',
        'It is not installed yet (55 MB at first use). Install it now with: lamina backends install embedded',
        process.execPath,
      ],
    );
  });

  it('is not a fallback when the host disables that', async () => {
    assert.deepEqual((await open({ fallback: false })).fallbackFor, []);
    await lamina.close();
    assert.deepEqual((await open({}, { fallback: false })).fallbackFor, []);
  });

  it('is not available when there is no build for this machine', async function () {
    if (process.platform === 'darwin') this.skip();
    const { availability } = await open({ gpu: 'metal' });
    assert.ok(!availability.available);
    assert.match(availability.reason, /^node-llama-cpp has no build with metal for /);
    assert.match(availability.hint, /^Install llama\.cpp instead/);
  });

  it('accepts models, and rejects projectors, adapters and rerankers', async () => {
    await open();
    const backend = lamina.backends
      .types()
      .find(({ type }) => type === 'embedded')!
      .create('embedded', {});
    const model = {
      name: 'm',
      files: [],
      format: 'gguf',
      aliases: [],
      options: {},
      pinned: false,
      limits: {},
      from: 'manifest' as const,
    };
    assert.deepEqual(backend.accepts(model), {
      rank: 1,
      reason: 'the embedded engine opens GGUF without an installation',
    });
    for (const metadata of [{ kind: 'mmproj' }, { kind: 'adapter' }, { pooling: 'rank' }])
      assert.ok('refused' in backend.accepts({ ...model, metadata }));
    const pirate = { ...model, name: 'pirate', base: 'm' };
    assert.throws(() => backend.adapt!.request!({}, { model: pirate, route: 'chat/completions', info: {} }), {
      code: 'NOT_SUPPORTED',
      message: /install llama\.cpp for "pirate"/,
    });
  });
});
