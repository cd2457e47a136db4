import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createTestLamina, type TestLamina } from '@lamina/core/testing';
import { vllm } from '../dist/index.js';
import { describeReal, realVllm, smallOptions } from './real-vllm.js';
import { writeTinyModel } from './tiny-model.js';

describeReal('a Lamina with the real vLLM', function () {
  this.timeout(600_000);
  let lamina: TestLamina;
  before(async () => {
    const plugin = vllm({ executable: realVllm ?? 'vllm', ...smallOptions });
    lamina = await createTestLamina({ plugins: [plugin], env: process.env, manifest: { models: { tiny: { path: 'tiny', backend: 'vllm' } } } });
    await writeTinyModel(join(lamina.modelsDir, 'tiny'));
    await lamina.models.reload();
  });
  after(() => lamina.close());

  it('starts a directory of safetensors, knows what it is, and answers a chat', async () => {
    const [record] = await lamina.backends.list();
    assert.ok(record!.availability.available && /^\d+\.\d+/.test(record!.availability.version ?? ''), JSON.stringify(record));
    const lease = await lamina.runtime.acquire('tiny', { signal: AbortSignal.timeout(500_000) });
    assert.deepEqual([lease.info.contextLength, lease.info.parallel, lease.info.tools, lease.info.verified], [2048, 4, false, true]);
    assert.ok(lease.info.endpoints?.includes('chat/completions'));
    const { baseUrl, headers = {} } = lease.endpoint();
    const body = { model: 'tiny', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 8, ignore_eos: true };
    const response = await fetch(`${baseUrl}/chat/completions`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json', connection: 'close' }, body: JSON.stringify(body) });
    const answer = (await response.json()) as { usage: { completion_tokens: number } };
    lease.release({ served: true });
    assert.deepEqual([response.status, answer.usage.completion_tokens], [200, 8]);
  });
});
