import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendConformance, testedVersion } from '@lamina/testing';
import { vllmBackend } from '../dist/backend.js';
import { describeReal, realVllm, smallOptions } from './real-vllm.js';
import { modelAt, writeTinyModel } from './tiny-model.js';

describeReal('vLLM passes the backend conformance suite', function () {
  this.timeout(1_200_000); // On a CPU every start imports torch three times.
  let folder: string;
  const options = {};
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-vllm-'));
    Object.assign(options, { executable: realVllm, ...smallOptions(folder) });
  });
  after(() => rm(folder, { recursive: true }));

  const kit = {
    type: vllmBackend(),
    options,
    env: process.env,
    async model() {
      await writeTinyModel(join(folder, 'tiny'));
      return modelAt('org/tiny:dummy', join(folder, 'tiny'));
    },
    async brokenModel() {
      await writeTinyModel(join(folder, 'broken'), { config: '{ "architectures": [' });
      return modelAt('broken', join(folder, 'broken'));
    },
    chat: { messages: [{ role: 'user', content: 'Say hello.' }], max_tokens: 16, ignore_eos: true },
    longChat: { messages: [{ role: 'user', content: 'Go on.' }], max_tokens: 1900, ignore_eos: true },
    async busy(server: { endpoint(): { baseUrl: string } }) {
      const text = await (
        await fetch(new URL('/metrics', server.endpoint().baseUrl), { headers: { connection: 'close' } })
      ).text();
      return [...text.matchAll(/^vllm:num_requests_(?:running|waiting)\{.*\} ([\d.]+)$/gm)].reduce(
        (sum, [, value]) => sum + Number(value),
        0,
      );
    },
    embedding: { runner: 'pooling', convert: 'embed' },
    reach: {
      options: { max_model_len: 1024 },
      verify: ({ info }: { info: { contextLength?: number } }) => {
        if (info.contextLength !== 1024) throw new Error(`Its context is ${info.contextLength}.`);
      },
    },
    limits: { startMs: 500_000, answerMs: 60_000, stopMs: 30_000, killMs: 10_000 },
    skip: {
      'the memory estimate is positive and grows with the context':
        'vLLM reserves a share of each device, whatever the model needs',
      'the request adapter keeps unknown fields and does not modify its input': 'requests reach vLLM unchanged',
      'a server responds after sleep and wake': 'vLLM can sleep on GPUs only',
    },
  };

  before(async function () {
    Object.assign(this, { engine: 'vLLM', version: await testedVersion(kit) });
  });
  for (const { name, skip, run } of backendConformance(kit)) {
    if (skip === undefined) it(name, run);
    else it.skip(`${name} (skipped: ${skip})`, run);
  }
});
