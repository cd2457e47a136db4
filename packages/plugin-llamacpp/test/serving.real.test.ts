import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { tinyAdapter, tinyGguf, type TinyGgufOptions } from '@lamina/testing';
import { estimateGgufMemory, type JsonObject, type Model } from '@lamina/core/plugin';
import { applyAdapter } from '../dist/adapters.js';
import { parseHelp } from '../dist/flags.js';
import type { ModelOptions } from '../dist/options.js';
import { effectiveOptions } from '../dist/raw-arguments.js';
import { file, fileOnDisk, modelOf } from './model.js';
import { chat, describeReal, Ground, llamaServer, post } from './real-server.js';

const mebibyte = 1024 * 1024;

describeReal('the real llama-server', () => {
  let ground: Ground;
  beforeEach(async () => void (ground = await Ground.open()));
  afterEach(() => ground.close());

  async function tiny(options: TinyGgufOptions = {}): Promise<Model> {
    const { paths } = await tinyGguf(ground.path(`${options.name ?? 'tiny'}.gguf`), options);
    return modelOf({
      name: options.name ?? 'tiny',
      files: await Promise.all(paths.map((path) => fileOnDisk('weights', path))),
    });
  }

  it('serves a model and reports its capabilities', async () => {
    const { server, stages } = await ground.start(await tiny(), { options: { context_length: 600, parallel: 2 } });
    assert.equal(await chat(server), 'Hello from the model tiny.');
    assert.deepEqual(server.info, {
      contextLength: 768, // Rounded up to the next 256.
      parallel: 2,
      modalities: ['text'],
      tools: true,
      reasoning: true,
      endpoints: [
        'chat/completions',
        'chat/completions/input_tokens',
        'completions',
        'responses',
        'responses/input_tokens',
        'messages',
        'messages/count_tokens',
      ],
      verified: true,
    });
    assert.deepEqual(stages.slice(0, 2), ['loading', 'loading model']);
    assert.equal(stages.at(-1), 'model loaded');
  });

  it('serves a model in several files', async () => {
    const model = await tiny({ name: 'sharded', shards: 3 });
    assert.equal(model.files.length, 3);
    assert.equal(await chat((await ground.start(model)).server), 'Hello from the model sharded.');
  });

  it('serves embeddings and reranking when they are enabled, and reports them', async () => {
    const model = await tiny();
    const embedding = await ground.start(model, { options: { embeddings: true, pooling: 'mean' } });
    assert.ok(
      embedding.server.info.endpoints?.includes('embeddings') && !embedding.server.info.endpoints.includes('rerank'),
    );
    const ranking = await ground.start({ ...model, metadata: { pooling: 'rank' } });
    assert.ok(ranking.server.info.endpoints?.includes('rerank'));
  });

  it('uses a draft model', async () => {
    const model = await tiny();
    const draft = { ...model, files: [...model.files, file('draft', model.files[0]!.path)] };
    const { server } = await ground.start(draft, { options: { draft_max: 4, draft_min: 1 } });
    const { json } = await post(server, 'chat/completions', {
      messages: [{ role: 'user', content: 'Hello?' }],
      max_tokens: 16,
    });
    assert.ok(((json['timings'] as Record<string, number>)['draft_n'] ?? 0) > 0, JSON.stringify(json['timings']));
  });

  it('accepts every option', async () => {
    const options: ModelOptions = {
      gpu_layers: 'auto',
      devices: ['none'],
      tensor_split: [3, 1],
      split_mode: 'layer',
      main_gpu: 0,
      cpu_moe_layers: 0,
      batch_size: 256,
      ubatch_size: 128,
      flash_attention: 'on',
      cache_type_k: 'q8_0',
      cache_type_v: 'q8_0',
      cache_ram: 0,
      mmap: false,
      mlock: false,
      embeddings: false,
      pooling: 'mean',
      rerank: false,
      projector: false,
      draft_max: 4,
      draft_min: 1,
      draft_gpu_layers: 0,
      chat_template: 'chatml',
      chat_template_kwargs: { enable_thinking: false },
      jinja: true,
      reasoning: 'off',
      reasoning_format: 'none',
      reasoning_budget: 0,
      lora_scale: 1,
      extra_args: ['--metrics'],
    };
    const { server } = await ground.start(await tiny({ embeddingLength: 128 }), { options });
    assert.equal(
      (await post(server, 'chat/completions', { messages: [{ role: 'user', content: 'Hello?' }], max_tokens: 4 }))
        .status,
      200,
    );
  });

  it('lets options override raw arguments', async () => {
    const { server } = await ground.start(await tiny(), {
      instance: { default_args: ['--ctx-size', '256', '--parallel', '2', '--port', '1'] },
      options: { context_length: 768 },
    });
    assert.deepEqual([server.info.contextLength, server.info.parallel], [768, 2]);
  });

  it('ignores the environment of Lamina', async () => {
    const { server } = await ground.start(await tiny(), {
      env: {
        LLAMA_ARG_PORT: '1',
        LLAMA_ARG_CTX_SIZE: '256',
        LLAMA_ARG_JINJA: 'nonsense',
        LLAMA_API_KEY: 'mine',
        LLAMA_SERVER_ROUTER_PORT: '2',
      },
    });
    assert.equal(server.info.contextLength, 512);
  });

  it('responds under the name of the model, with commas replaced', async () => {
    const { server } = await ground.start({ ...(await tiny()), name: 'org/a,b:q8' });
    const { json } = await post(server, 'chat/completions', { messages: [{ role: 'user', content: 'Hello?' }] });
    assert.equal(json['model'], 'org/a_b:q8');
  });

  it('shares its process with adapters, which apply only when they are requested', async () => {
    const base: TinyGgufOptions = { name: 'base', alternatives: [' Arr, matey.', ' Good evening, sir.'] };
    const model = await tiny(base);
    const adapters = await Promise.all(
      [
        [' Arr, matey.', 'pirate,1'],
        [' Good evening, sir.', 'butler:2'],
      ].map(async ([say, name]) => {
        const { path } = await tinyAdapter(ground.path(`${name}.gguf`), { base, say: say! });
        return modelOf({ name: name!, base: 'base', files: [await fileOnDisk('adapter', path)] });
      }),
    );
    const { server } = await ground.start(model, { adapters });
    const { info } = server;
    const body: JsonObject = { messages: [{ role: 'user', content: 'Hello?' }], max_tokens: 32 };
    const chatWithModel = (target: Model) =>
      chat(server, applyAdapter(body, { model: target, route: 'chat/completions', info }));

    assert.deepEqual(info.ids, { 'pirate,1': '0', 'butler:2': '1' });
    assert.equal(await chatWithModel(model), 'Hello from the model base.');
    assert.deepEqual(await Promise.all([adapters[0]!, model, adapters[1]!].map(chatWithModel)), [
      'Arr, matey.',
      'Hello from the model base.',
      'Good evening, sir.',
    ]);
    assert.equal(await chatWithModel({ ...adapters[0]!, options: { lora_scale: 0 } }), 'Hello from the model base.');
    const { json } = await post(
      server,
      'completions',
      applyAdapter({ prompt: 'Hello?', max_tokens: 32 }, { model: adapters[1]!, route: 'completions', info }),
    );
    assert.match(JSON.stringify(json['choices']), /Good evening, sir\./);
    assert.equal(await chatWithModel(model), 'Hello from the model base.');
  });

  for (const options of [
    { context_length: 1024 },
    { context_length: 512, parallel: 3 },
    { context_length: 1024, cache_type_k: 'q8_0', cache_type_v: 'q4_0' },
  ] as const) {
    it(`uses the estimated memory with ${JSON.stringify(options)}`, async () => {
      const model = {
        ...(await tiny({ layers: 4, embeddingLength: 256 })),
        metadata: {
          layers: 4,
          heads: 4,
          kvHeads: 2,
          keyLength: 64,
          valueLength: 64,
          embeddingLength: 256,
          feedForwardLength: 512,
          contextLength: 2048,
        },
      };
      const { server, lines } = await ground.start(model, { options: { ...options, extra_args: ['-lv', '4'] } });
      const cache = Number(/KV buffer size = +([\d.]+) MiB/.exec(lines.join('\n'))?.[1]);
      const compute = Number(/compute buffer size = +([\d.]+) MiB/.exec(lines.join('\n'))?.[1]);
      const engine = { processBytes: 16 * mebibyte, tokenBytes: 160, mergeBytes: 190 };
      const machine = { totalBytes: 2 ** 34, freeBytes: 2 ** 34, cores: 1, devices: [], engine, promptCache: false };
      const estimated = (estimateGgufMemory(model, effectiveOptions(options), machine)?.hostBytes ?? 0) / mebibyte;

      const process = 16;
      const reported = `${estimated} MiB estimated; it reported ${cache} of cache and ${compute} of scratch space`;
      assert.ok(estimated >= process + cache + compute && estimated <= process + cache + 1.5 * compute, reported);
      if (platform() !== 'linux') return;
      const own = Number(/RssAnon:\s+(\d+) kB/.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024;
      assert.ok(own < estimated && own > cache, `${estimated} MiB estimated; ${own} MiB are resident`);
    });
  }
});

describeReal('the help of the real llama-server', () => {
  it('is parsed: the flags, and which have a value', () => {
    const flags = parseHelp(execFileSync(llamaServer!, ['--help'], { encoding: 'utf8', maxBuffer: 10 * mebibyte }));
    assert.ok(flags.size > 200, `${flags.size} flags`);
    for (const name of ['--model', '--port', '--host', '--ctx-size', '--lora', '--mmproj'])
      assert.ok(flags.get(name)?.takesValue, name);
    for (const name of ['--help', '--version', '--offline', '--metrics'])
      assert.equal(flags.get(name)?.takesValue, false, name);
  });
});
