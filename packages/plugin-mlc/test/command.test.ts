import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaminaError, type Launch, type Model } from '@lamina/core/plugin';
import { mlcBackend } from '../dist/backend.js';
import { commandFor } from '../dist/command.js';
import { libraryIn } from '../dist/library.js';
import type { ModelOptions } from '../dist/options.js';
import { file, modelOf } from './model.js';

interface Parts {
  readonly model?: Model;
  readonly options?: ModelOptions;
  readonly executable?: string;
}

function launch({
  model = modelOf(),
  options = {},
  executable = '/opt/mlc/bin/mlc_llm',
}: Parts = {}): Launch<ModelOptions> {
  return { model, adapters: [], options, instance: {}, port: 4711, key: 'secret', engine: { executable } };
}

async function argsOf(parts: Parts = {}): Promise<string> {
  return (await commandFor(launch(parts))).args.join(' ');
}

describe('the command line of MLC-LLM', () => {
  it('serves one model on one port of this machine, with the key in its arguments, the only way to pass it', async () => {
    assert.equal(await argsOf(), 'serve /models/tiny --host 127.0.0.1 --port 4711 --api-key secret');
  });

  it('runs the module when the engine is a Python', async () => {
    assert.match(await argsOf({ executable: '/opt/mlc/bin/python3.11' }), /^-m mlc_llm serve \/models\/tiny /);
  });

  it('disables the network, and compiles only as configured', async () => {
    const { env } = await commandFor(launch({ options: { jit_policy: 'READONLY' } }));
    assert.deepEqual(env, {
      MLC_DOWNLOAD_CACHE_POLICY: 'READONLY',
      HF_HUB_OFFLINE: '1',
      PYTHONUNBUFFERED: '1',
      MLC_JIT_POLICY: 'READONLY',
    });
    assert.ok(!('MLC_JIT_POLICY' in (await commandFor(launch())).env!));
  });

  it('has a flag for each of these options', async () => {
    const options: ModelOptions = {
      device: 'cuda:1',
      mode: 'server',
      model_lib: '/lib/tiny-cuda.so',
      prefix_cache_mode: 'disable',
      prefill_mode: 'chunked',
      embedding_model: '/models/e',
      embedding_model_lib: '/lib/e.so',
      extra_args: ['--enable-debug'],
    };
    assert.match(
      await argsOf({ options }),
      / --model-lib \/lib\/tiny-cuda\.so --device cuda:1 --mode server --prefix-cache-mode disable --prefill-mode chunked --embedding-model \/models\/e --embedding-model-lib \/lib\/e\.so --enable-debug$/,
    );
  });

  it('passes all other options as overrides, in one argument', async () => {
    const { args } = await commandFor(
      launch({
        options: {
          context_window_size: 8192,
          max_num_sequence: 2,
          gpu_memory_utilization: 0.5,
          prefix_cache_max_num_recycling_seqs: -1,
          opt: 'O3',
        },
      }),
    );
    assert.deepEqual(args.slice(-2), [
      '--overrides',
      'max_num_sequence=2;gpu_memory_utilization=0.5;prefix_cache_max_num_recycling_seqs=-1;context_window_size=8192;opt=O3',
    ]);
  });

  it('passes on every option of the schema', async () => {
    const { properties } = mlcBackend().modelOptions as {
      properties: Record<string, { enum?: readonly string[]; type?: string; pattern?: string }>;
    };
    for (const [name, { enum: values, type }] of Object.entries(properties)) {
      const value =
        name === 'device'
          ? 'cuda:7'
          : (values?.[0] ?? (type === 'array' ? ['--x=77'] : type === 'string' ? '/77' : 77));
      const { args, env } = await commandFor(launch({ options: { [name]: value } }));
      const launched = JSON.stringify([args, env]);
      assert.ok(
        launched.includes(String(Array.isArray(value) ? '--x=77' : value)),
        `${name} is missing in ${launched}`,
      );
    }
  });

  it('adds the draft of a model, and how it drafts', async () => {
    const model = modelOf({ files: [file('weights', '/models/tiny'), file('draft', '/models/draft')] });
    assert.match(await argsOf({ model }), / --additional-models \/models\/draft --speculative-mode small_draft$/);
    assert.match(
      await argsOf({ model, options: { speculative_mode: 'eagle', spec_draft_length: 3 } }),
      / --speculative-mode eagle --overrides spec_draft_length=3$/,
    );
  });

  it('is not built without weights', async () => {
    await assert.rejects(commandFor(launch({ model: modelOf({ files: [] }) })), (error) =>
      LaminaError.is(error, 'MODEL_FILES_MISSING'),
    );
  });
});

describe('the model library', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'lamina-mlc-library-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const writeFiles = (...names: readonly string[]) =>
    Promise.all(names.map((name) => writeFile(join(folder, name), '')));

  it('is the one in the folder of the weights', async () => {
    await writeFiles('params_shard_0.bin', 'mlc-chat-config.json', 'tiny.so');
    assert.equal(await libraryIn(folder, undefined), join(folder, 'tiny.so'));
    assert.match(await argsOf({ model: modelOf({ files: [file('weights', folder)] }) }), /--model-lib \S+\/tiny\.so$/);
  });

  it('is compiled when there is none, or none for the device', async () => {
    assert.equal(await libraryIn(folder, 'cuda:0'), undefined);
    await writeFiles('tiny-vulkan.so');
    assert.equal(await libraryIn(folder, 'cuda:0'), undefined);
    assert.equal(await libraryIn(join(folder, 'nowhere'), undefined), undefined);
  });

  it('is the one for the device when there are several', async () => {
    await writeFiles('tiny-vulkan.so', 'tiny-cuda.so');
    assert.equal(await libraryIn(folder, 'cuda:0'), join(folder, 'tiny-cuda.so'));
  });

  it('is not guessed', async () => {
    await writeFiles('tiny-vulkan.so', 'tiny-cuda.so');
    for (const device of [undefined, 'auto']) {
      await assert.rejects(
        libraryIn(folder, device),
        (error) =>
          LaminaError.is(error, 'CONFIG_INVALID') &&
          /holds 2 model libraries \(tiny-cuda\.so, tiny-vulkan\.so\)\. Set model_lib to one of them, or set device\.$/.test(
            error.message,
          ),
      );
    }
  });

  it('is searched in the folder of the draft too', async () => {
    await writeFiles('draft.so');
    const model = modelOf({ files: [file('weights', '/models/tiny'), file('draft', folder)] });
    assert.match(await argsOf({ model }), /--additional-models (\S+),\1\/draft\.so /);
  });
});

describe('a model for MLC-LLM', () => {
  const { accepts } = mlcBackend().create('mlc', {});

  it('is accepted with its quantisation', () => {
    assert.deepEqual(accepts(modelOf({ metadata: { quantization: 'q4f16_1' } })), {
      rank: 10,
      reason: 'MLC is the format of MLC-LLM, quantised with q4f16_1',
    });
  });

  it('must not be an adapter', () => assert.ok('refused' in accepts(modelOf({ base: 'other' }))));
});
