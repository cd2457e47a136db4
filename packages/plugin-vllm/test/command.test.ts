import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaminaError, type Launch, type Model } from '@lamina/core/plugin';
import { vllmBackend } from '../dist/backend.js';
import { commandFor } from '../dist/command.js';
import type { ModelOptions } from '../dist/options.js';
import { file, modelOf } from './model.js';

interface Parts {
  readonly model?: Model;
  readonly adapters?: readonly Model[];
  readonly options?: ModelOptions;
  readonly executable?: string;
}

function launch({
  model = modelOf(),
  adapters = [],
  options = {},
  executable = '/opt/vllm/bin/vllm',
}: Parts = {}): Launch<ModelOptions> {
  return { model, adapters, options, instance: {}, port: 4711, key: 'secret', engine: { executable } };
}

const argsOf = async (parts: Parts = {}) => (await commandFor(launch(parts))).args.join(' ');
const envOf = async (parts: Parts = {}) => (await commandFor(launch(parts))).env ?? {};

describe('the command line of vLLM', () => {
  it('sets model and host, because without them vLLM would fetch one and listen on every address', async () => {
    assert.equal(await argsOf(), 'serve /models/tiny --host 127.0.0.1 --port 4711 --served-model-name org/tiny:fp8');
  });

  it('runs the module when the engine is a Python', async () => {
    assert.match(await argsOf({ executable: '/opt/vllm/bin/python3.12' }), /^-m vllm\.entrypoints\.cli\.main serve /);
  });

  it('passes the key in the environment only, and disables telemetry and network', async () => {
    const { args, env } = await commandFor(launch());
    assert.ok(!args.join(' ').includes('secret'));
    assert.deepEqual(env, {
      VLLM_API_KEY: 'secret',
      VLLM_NO_USAGE_STATS: '1',
      DO_NOT_TRACK: '1',
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_OFFLINE: '1',
      PYTHONUNBUFFERED: '1',
    });
  });

  it('splits a model among devices', async () => {
    assert.match(
      await argsOf({ options: { tensor_parallel_size: 4, pipeline_parallel_size: 2, data_parallel_size: 3 } }),
      / --tensor-parallel-size 4 --pipeline-parallel-size 2 --data-parallel-size 3$/,
    );
    assert.equal((await envOf({ options: { devices: ['0', '2'] } }))['CUDA_VISIBLE_DEVICES'], '0,2');
  });

  it('sets context and memory', async () => {
    const options: ModelOptions = {
      max_model_len: 'auto',
      gpu_memory_utilization: 0.5,
      kv_cache_memory_bytes: 1024,
      kv_cache_dtype: 'fp8',
      dtype: 'bfloat16',
      quantization: 'awq_marlin',
      load_format: 'dummy',
    };
    assert.match(
      await argsOf({ options }),
      / --max-model-len auto --gpu-memory-utilization 0\.5 --kv-cache-memory-bytes 1024 --kv-cache-dtype fp8 --dtype bfloat16 --quantization awq_marlin --load-format dummy$/,
    );
    assert.equal((await envOf({ options: { cpu_kvcache_space: 2 } }))['VLLM_CPU_KVCACHE_SPACE'], '2');
  });

  it('lets a model with a parser choose its tools itself', async () => {
    assert.match(
      await argsOf({ options: { tool_call_parser: 'hermes', reasoning_parser: 'qwen3' } }),
      / --tool-call-parser hermes --reasoning-parser qwen3 --enable-auto-tool-choice$/,
    );
  });

  it('writes objects as JSON', async () => {
    const speculative_config = { method: 'ngram', num_speculative_tokens: 4 };
    const { args } = await commandFor(launch({ options: { speculative_config } }));
    assert.deepEqual(args.slice(-2), ['--speculative-config', JSON.stringify(speculative_config)]);
  });

  it('has switches, and their opposite when that is not the default', async () => {
    assert.match(
      await argsOf({ options: { enable_prefix_caching: false, enforce_eager: true, trust_remote_code: true } }),
      / --no-enable-prefix-caching --enforce-eager --trust-remote-code$/,
    );
    assert.match(
      await argsOf({ options: { enable_prefix_caching: true, enforce_eager: false, trust_remote_code: false } }),
      / --enable-prefix-caching$/,
    );
  });

  it('enables sleep only on request, because its routes require no key', async () => {
    assert.match(await argsOf({ options: { sleep_level: 1 } }), / --enable-sleep-mode$/);
    assert.equal((await envOf({ options: { sleep_level: 1 } }))['VLLM_SERVER_DEV_MODE'], '1');
    assert.ok(!('VLLM_SERVER_DEV_MODE' in (await envOf())));
  });

  it('ends with the raw arguments', async () => {
    assert.match(await argsOf({ options: { seed: 7, extra_args: ['--seed', '8'] } }), / --seed 7 --seed 8$/);
  });

  it('passes on every option of the schema', async () => {
    const { properties } = vllmBackend().modelOptions as {
      properties: Record<string, { enum?: readonly unknown[]; type?: string; anyOf?: unknown }>;
    };
    const before = JSON.stringify(
      await commandFor(launch({ adapters: [modelOf({ name: 'a', files: [file('adapter', '/a')] })] })),
    );
    for (const [name, { enum: values, type, anyOf }] of Object.entries(properties)) {
      const value =
        values?.at(-1) ??
        (anyOf !== undefined
          ? 77
          : type === 'array'
            ? ['77']
            : type === 'string'
              ? '/77'
              : type === 'boolean'
                ? true
                : type === 'object'
                  ? { x: 77 }
                  : 77);
      const launched = JSON.stringify(
        await commandFor(
          launch({ options: { [name]: value }, adapters: [modelOf({ name: 'a', files: [file('adapter', '/a')] })] }),
        ),
      );
      assert.notEqual(launched, before, `${name} has no effect`);
    }
  });

  it('is not built without weights', async () => {
    await assert.rejects(commandFor(launch({ model: modelOf({ files: [] }) })), (error) =>
      LaminaError.is(error, 'MODEL_FILES_MISSING'),
    );
  });
});

describe('adapters on the command line of vLLM', () => {
  let folder: string;
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'lamina-vllm-lora-'))));
  after(() => rm(folder, { recursive: true }));

  async function adapter(name: string, config: string): Promise<Model> {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'adapter_config.json'), config);
    return modelOf({ name, base: 'org/tiny:fp8', files: [file('adapter', join(folder, name))] });
  }

  it('are modules with their own name, with the smallest rank of vLLM that is sufficient for all', async () => {
    const adapters = [await adapter('pi=rate', '{"r": 8}'), await adapter('poet', '{"r": 24}')];
    const { args } = await commandFor(launch({ adapters }));
    const modules = adapters.map(({ name, files }) => JSON.stringify({ name, path: files[0]!.path }));
    assert.deepEqual(args.slice(-8), [
      '--enable-lora',
      '--max-loras',
      '2',
      '--max-lora-rank',
      '32',
      '--lora-modules',
      ...modules,
    ]);
  });

  it('have rank 16 when their configuration has none', async () => {
    assert.match(await argsOf({ adapters: [await adapter('broken', '{')] }), / --max-lora-rank 16 /);
  });

  it('are limited in number and size by the options', async () => {
    assert.match(
      await argsOf({ adapters: [await adapter('small', '{"r": 4}')], options: { max_loras: 5, max_lora_rank: 64 } }),
      / --max-loras 5 --max-lora-rank 64 /,
    );
  });

  it('are not a model alone', () => {
    const { accepts } = vllmBackend().create('vllm', {});
    assert.ok('refused' in accepts(modelOf({ files: [file('adapter', '/a')] })));
    assert.ok('rank' in accepts(modelOf({ base: 'tiny', files: [file('adapter', '/a')] })));
    assert.deepEqual(accepts(modelOf({ metadata: { quantization: 'awq-4bit' } })), {
      rank: 10,
      reason: 'safetensors is the format of vLLM, quantised with awq-4bit',
    });
  });
});
