// What a model needs on MLC-LLM, and when that is not known.
import assert from 'node:assert/strict';
import type { Machine, MemoryEstimate } from '@lamina/core/plugin';
import { mlcBackend } from '../dist/backend.js';
import type { ModelOptions } from '../dist/options.js';
import { file, modelOf } from './model.js';

const gib = 1024 ** 3;
const machine: Machine = { totalBytes: 64 * gib, freeBytes: 64 * gib, cores: 8, devices: [] };
/** The layers of a Llama 3 of 8B: 128 KiB per token. */
const metadata = { layers: 32, kvHeads: 8, keyLength: 128, valueLength: 128, contextLength: 16384 };
const weights = { ...file('weights', '/models/llama'), bytes: 4 * gib };
const model = modelOf({ metadata, files: [weights] });
const perToken = 128 * 1024;

const estimate = (options: ModelOptions, of = model): Promise<MemoryEstimate | undefined> =>
  mlcBackend().create('mlc', {}).estimateMemory!(of, options, machine);

describe('the memory of a model on MLC-LLM', () => {
  it('is on the device that the options name, which has the name of CUDA', async () => {
    const bytes = 5 * gib + 8192 * perToken;
    const expected = { hostBytes: gib, contextLength: 8192 };
    assert.deepEqual(await estimate({ device: 'cuda' }), { ...expected, deviceBytes: { CUDA0: bytes } });
    assert.deepEqual(await estimate({ device: 'cuda:1' }), { ...expected, deviceBytes: { CUDA1: bytes } });
  });

  it('is that of the system on a CPU and with Metal', async () => {
    for (const device of ['cpu', 'metal:0'])
      assert.deepEqual(await estimate({ device }), {
        hostBytes: 6 * gib + 8192 * perToken,
        deviceBytes: {},
        contextLength: 8192,
      });
  });

  it('grows with the tokens that its mode and its options allow', async () => {
    const tokensOf = async (options: ModelOptions) =>
      ((await estimate({ device: 'cuda', ...options }))!.deviceBytes['CUDA0']! - 5 * gib) / perToken;
    assert.equal(await tokensOf({ mode: 'interactive' }), 16384);
    assert.equal(await tokensOf({ mode: 'interactive', context_window_size: 1024 }), 1024);
    assert.equal(await tokensOf({ max_total_seq_length: 500 }), 500);
  });

  it('is not known where MLC-LLM chooses the device or the tokens, or the model is not all there is', async () => {
    const unknown: [ModelOptions, typeof model?][] = [
      [{}],
      [{ device: 'auto' }],
      [{ device: 'vulkan' }],
      [{ device: 'cuda', mode: 'server' }],
      [{ device: 'cuda', tensor_parallel_shards: 2 }],
      [{ device: 'cuda', embedding_model: '/models/e5' }],
      [{ device: 'cuda' }, modelOf({ metadata, files: [weights, file('draft', '/models/draft')] })],
      [{ device: 'cuda' }, modelOf({ metadata: { layers: 32 }, files: [weights] })],
    ];
    for (const [options, of] of unknown) assert.equal(await estimate(options, of), undefined, JSON.stringify(options));
  });
});
