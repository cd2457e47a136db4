// Tests three-hooks-plugin.ts with a fake engine: node --test examples/dist/test-a-plugin.js
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import { threeHooks } from './three-hooks-plugin.js';

void test('models start with the context length of the plugin', async () => {
  const lamina = await createTestLamina({
    plugins: [fakePlugin(), threeHooks({ context_length: 512 })],
    manifest: { models: { tiny: { path: 'tiny.fake' } } },
    files: { 'tiny.fake': 'any content' },
  });
  try {
    const lease = await lamina.runtime.acquire('tiny', { signal: AbortSignal.timeout(10_000) });
    assert.equal(lease.info.contextLength, 512);
    lease.release();
  } finally {
    await lamina.close();
  }
});
