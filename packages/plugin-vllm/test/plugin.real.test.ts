import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lease } from '@lamina/core';
import { createTestLamina, type TestLamina } from '@lamina/testing';
import { vllm } from '../dist/index.js';
import { describeReal, realVllm, smallOptions } from './real-vllm.js';
import { writeTinyAdapter, writeTinyModel } from './tiny-model.js';

describeReal('a Lamina with the real vLLM', function () {
  this.timeout(600_000);
  let folder: string;
  let lamina: TestLamina;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-vllm-'));
    const plugin = vllm({ executable: realVllm ?? 'vllm', ...smallOptions(folder) });
    lamina = await createTestLamina({
      plugins: [plugin],
      env: process.env,
      manifest: { models: { tiny: { path: 'tiny', backend: 'vllm' }, pirate: { path: 'pirate', base: 'tiny' } } },
    });
    await writeTinyModel(join(lamina.modelsDir, 'tiny'));
    await writeTinyAdapter(join(lamina.modelsDir, 'pirate'));
    await lamina.models.reload();
  });
  after(async () => {
    await lamina.close();
    await rm(folder, { recursive: true });
  });

  it('starts a directory of safetensors, detects its type, and responds to a chat', async () => {
    const [record] = await lamina.backends.list();
    assert.ok(
      record!.availability.available && /^\d+\.\d+/.test(record!.availability.version ?? ''),
      JSON.stringify(record),
    );
    const lease = await lamina.runtime.acquire('tiny', { signal: AbortSignal.timeout(500_000) });
    assert.deepEqual(
      [lease.info.contextLength, lease.info.parallel, lease.info.tools, lease.info.verified],
      [2048, 4, false, true],
    );
    assert.ok(lease.info.endpoints?.includes('chat/completions'));
    const answer = await chat(lease, 'tiny');
    lease.release({ served: true });
    assert.deepEqual(answer, { status: 200, model: 'tiny', tokens: 8 });
  });

  it('responds for an adapter from the process of its base', async () => {
    const { pid } = lamina.runtime.slot('tiny');
    const lease = await lamina.runtime.acquire('pirate', { signal: AbortSignal.timeout(500_000) });
    const answer = await chat(lease, 'pirate');
    lease.release({ served: true });
    assert.deepEqual(answer, { status: 200, model: 'pirate', tokens: 8 });
    assert.equal(lamina.runtime.slot('tiny').pid, pid);
  });
});

async function chat(lease: Lease, model: string): Promise<{ status: number; model: string; tokens: number }> {
  const { baseUrl, headers = {} } = lease.endpoint();
  const body = { model, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 8, ignore_eos: true };
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
  });
  const { model: named, usage } = (await response.json()) as { model: string; usage: { completion_tokens: number } };
  return { status: response.status, model: named, tokens: usage.completion_tokens };
}
