// Suggestions: ordered by fixed rules, among the models that can run on this machine, with reasons in words
// and numbers.
import assert from 'node:assert/strict';
import type { Availability, BackendType } from '../../dist/contract/backends.js';
import type { SuggestRequest, Suggestion } from '../../dist/contract/suggestions.js';
import { BackendRegistry, highestRank } from '../../dist/runtime/backends.js';
import { Suggester } from '../../dist/models/suggest.js';
import { parseSize, showSize } from '../../dist/kernel/sizes.js';
import { ggufBytes, tinyLlama, type GgufParts } from './gguf-file.js';
import { openTestRegistry, type TestRegistry } from './test-registry.js';
import { tensors } from './safetensors-file.js';

/** A sparse GGUF file, as long as that of a larger model. */
function model(contextLength: number, parts: GgufParts = {}): Buffer {
  return ggufBytes({ values: { ...tinyLlama, 'llama.context_length': ['u32', contextLength] }, ...parts });
}

function backend(type: string, formats: string[], availability: Availability, aliases: string[] = []): BackendType {
  const none = { type: 'object', properties: { context_length: { type: 'integer' } } };
  const create = (name: string) => ({
    name,
    probe: () => Promise.resolve(availability),
    accepts: () => ({ rank: 1, reason: '' }),
    // As an engine does: the model's own options decide, and a model of 2 GB stays mapped.
    estimateMemory: (_: unknown, { context_length: contextLength }: { context_length?: number }) =>
      Promise.resolve(
        contextLength === undefined
          ? undefined
          : { hostBytes: contextLength * 1e6, mappedBytes: 2e9, deviceBytes: { GPU0: 1e9 }, contextLength },
      ),
    start: () => Promise.reject(new Error('not here')),
  });
  return { type, formats, aliases, options: none, modelOptions: none, lifetime: 'owned', create };
}

const nothingToInstall = { ensure: () => Promise.resolve(false) };

describe('suggest', () => {
  let setup: TestRegistry;
  let suggester: Suggester;
  let machine: { totalBytes: number; freeBytes: number; cores: number; devices: [] };

  beforeEach(async () => {
    setup = await openTestRegistry();
    machine = { totalBytes: 16e9, freeBytes: 8e9, cores: 4, devices: [] };
    const { config, log, hooks } = setup;
    const taps = hooks.tapsFor({ name: 'core', log, closed: false });
    taps.selectBackend.tap((_, candidates) => highestRank(candidates));
    const backends = new BackendRegistry(
      config,
      setup.registry,
      nothingToInstall,
      { machine: () => machine },
      hooks,
      log,
    );
    backends.add(backend('llama.cpp', ['gguf'], { available: true, version: '0.7.0' }, ['llamacpp']), 'test');
    backends.add(
      backend('vllm', ['safetensors'], { available: false, reason: 'it is not installed', hint: 'pip install vllm' }),
      'test',
    );
    suggester = new Suggester(setup.registry, backends, { machine: () => machine }, hooks, log);
  });
  afterEach(() => setup.close());

  const load = async (manifest: string, files: Readonly<Record<string, string | Buffer | number>>) => {
    await setup.write({ ...files, 'models.yaml': manifest });
    await setup.registry.load();
  };
  const suggest = (request: SuggestRequest = {}) => suggester.suggest(request);
  const name = async (request: SuggestRequest) => (await suggest(request)).suggested.record.model.name;
  const order = ({ suggested, alternatives }: Suggestion) =>
    [suggested, ...alternatives].map(({ record }) => record.model.name);

  const manifest = `models:
  any: { path: any.gguf }
  asked: { path: asked.gguf }
  in-category: { path: in-category.gguf }
  meant: { path: meant.gguf, use_cases: [chat] }
  default: { path: default.gguf }
  named: { path: named.gguf, aliases: [agent] }
  far: { path: far.gguf, size: "2.0GB", use_cases: [chat], download: { huggingface: { repo_id: a/b } } }
categories:
  chat: [in-category]
  small: [asked]
defaults:
  chat: default
`;
  const all = Object.fromEntries(
    ['any', 'asked', 'in-category', 'meant', 'default', 'named'].map((one) => [`${one}.gguf`, model(2048)]),
  );

  it('chooses the named model, then the default, use_cases, the category of that name, the category, any', async () => {
    await load(manifest, all);
    const request = { ai_model: 'agent', use_case: 'chat', category: 'small' };
    assert.deepEqual(order(await suggest(request)), [
      'named',
      'default',
      'meant',
      'in-category',
      'asked',
      'any',
      'far',
    ]);
    assert.equal(await name({ category: 'small' }), 'asked');
  });

  it('skips a default whose files are missing', async () => {
    await load(manifest, { ...all, 'default.gguf': 0 });
    assert.equal(await name({ use_case: 'chat' }), 'meant');
  });

  it('states its reasons in words and numbers', async () => {
    await load(manifest, all);
    const { suggested, alternatives } = await suggest({ use_case: 'chat' });
    const size = showSize(all['default.gguf']!.length);
    assert.deepEqual(suggested.reasons, [
      `on disk, ${size}`,
      'runs on llama.cpp 0.7.0',
      'fits in memory: about 537 MB of 16.0 GB',
      'is the default for "chat"',
      'a context of 2048 tokens',
    ]);
    const far = alternatives.find(({ record }) => record.model.name === 'far')!;
    assert.equal(far.command, 'lamina pull far --source huggingface');
    assert.equal(far.reasons[0], 'not on disk, 2.0 GB to get');
  });

  it('estimates memory with the options of the model, over those of its backend', async () => {
    await load(
      `models:
  own: { path: any.gguf, options: { context_length: 512 } }
  of-backend: { path: any.gguf, backend: llamacpp }
  long: { path: any.gguf, options: { context_length: 20000 } }
backends:
  llama.cpp: { context_length: 1024 }
`,
      { 'any.gguf': all['any.gguf']! },
    );
    const { suggested, alternatives } = await suggest();
    const memory = Object.fromEntries(
      [suggested, ...alternatives].map(({ record, reasons }) => [
        record.model.name,
        reasons.find((reason) => reason.includes('memory')),
      ]),
    );
    assert.deepEqual(memory, {
      own: 'fits in memory: about 3.5 GB of 16.0 GB with 512 tokens of context',
      'of-backend': 'fits in memory: about 4.0 GB of 16.0 GB with 1024 tokens of context',
      long: 'does not fit in memory: about 23.0 GB of 16.0 GB with 20000 tokens of context',
    });
    assert.equal(alternatives.at(-1)!.record.model.name, 'long');
  });

  it('says whether the model is meant for what was asked, or only any model on disk', async () => {
    await load(manifest, all);
    const matched = async (request: SuggestRequest) => (await suggest(request)).matched;
    for (const request of [{}, { max_size: '1GB' }, { use_case: 'chat' }, { category: 'small' }, { ai_model: 'agent' }])
      assert.equal(await matched(request), true, JSON.stringify(request));
    for (const request of [{ use_case: 'coding' }, { category: 'none' }, { ai_model: 'far' }, { ai_model: 'gpt-5' }])
      assert.equal(await matched(request), false, JSON.stringify(request));
  });

  it('prefers what an engine on this machine can run, and states why the other cannot', async () => {
    await load('models:\n  a: { path: st }\n  b: { path: b.gguf, backend: llamacpp }\ndefaults: { chat: a }\n', {
      'st/config.json': '{}',
      'st/model.safetensors': tensors({}),
      'b.gguf': model(512),
    });
    const { suggested, alternatives } = await suggest({ use_case: 'chat' });
    assert.equal(suggested.record.model.name, 'b');
    assert.ok(alternatives[0]!.reasons.includes('cannot run here: vllm: it is not installed'));
  });

  it('prefers what fits in memory, then the longer context, then the larger model', async () => {
    machine = { ...machine, totalBytes: 540e6 };
    const larger: GgufParts = { tensors: [['token_embd.weight', [128, 400], 0]] };
    const huge: GgufParts = { tensors: [['token_embd.weight', [128, 20_000], 0]] };
    await load(
      'models:\n  small: {path: s.gguf}\n  larger: {path: l.gguf}\n  longer: {path: c.gguf}\n  huge: {path: h.gguf}\n',
      { 's.gguf': model(2048), 'l.gguf': model(2048, larger), 'c.gguf': model(8192), 'h.gguf': model(8192, huge) },
    );
    const suggestion = await suggest();
    assert.deepEqual(order(suggestion), ['longer', 'larger', 'small', 'huge']);
    assert.match(suggestion.alternatives[2]!.reasons.join('; '), /does not fit in memory: about 549 MB of 540 MB/);
  });

  it('never suggests an invalid file, and reports what is wrong with it', async () => {
    const whole = model(2048);
    const files = { 'cut.gguf': whole.subarray(0, 200), 'short.gguf': whole.subarray(0, -100), 'whole.gguf': whole };
    await load(
      'models:\n  cut: { path: cut.gguf }\n  short: { path: short.gguf }\n  whole: { path: whole.gguf }\ndefaults: { chat: cut }\n',
      files,
    );
    const { suggested, alternatives } = await suggest({ use_case: 'chat' });
    assert.equal(suggested.record.model.name, 'whole');
    const reasonOf = (name: string) => alternatives.find(({ record }) => record.model.name === name)!.reasons[0]!;
    assert.match(reasonOf('cut'), /^on disk, but it cannot be used: cut\.gguf: it ends within its header/);
    assert.match(reasonOf('short'), /it cannot be used: short\.gguf: it has \d+ of the \d+ bytes/);
    await setup.write({ 'whole.gguf': 'no model at all' });
    await setup.registry.reload();
    await assert.rejects(suggest({ use_case: 'chat' }), { code: 'NO_SUGGESTION' });
  });

  it('ranks an embedding model last, unless one is requested', async () => {
    const bert = ggufBytes({
      values: {
        'general.architecture': ['string', 'bert'],
        'bert.pooling_type': ['u32', 1],
        'bert.context_length': ['u32', 8192],
      },
    });
    await load('models:\n  embed: { path: e.gguf, use_cases: [embedding] }\n  chat: { path: c.gguf }\n', {
      'e.gguf': bert,
      'c.gguf': model(512),
    });
    assert.deepEqual([await name({}), await name({ use_case: 'embedding' })], ['chat', 'embed']);
  });

  it('respects a size limit, in bytes or as text', async () => {
    const large = model(512, { tensors: [['w', [1000, 300], 0]] });
    await load('models:\n  large: { path: l.gguf }\n  small: { path: s.gguf }\n', {
      'l.gguf': large,
      's.gguf': model(512),
    });
    for (const max of [500_000, '500000', '0.5 MB', '500kB', '0,5MB'])
      assert.deepEqual(order(await suggest({ max_size: max })), ['small']);
    await assert.rejects(suggest({ max_size: 'big' }), {
      code: 'REQUEST_INVALID',
      details: { message: 'max_size is "big"; write bytes, or text such as "4GB".', param: 'max_size' },
    });
  });

  it('treats null as absent, ignores unknown fields, and rejects fields of a wrong type', async () => {
    await load(manifest, all);
    assert.equal(
      await name({
        ai_model: null,
        use_case: 'chat',
        category: null,
        max_size: null,
        template: 'agent',
      } as SuggestRequest),
      'default',
    );
    await assert.rejects(suggest({ use_case: 5, ai_model: ['named'] } as unknown as SuggestRequest), {
      code: 'REQUEST_INVALID',
      details: {
        message: '"ai_model" must be string or null, not ["named"]; "use_case" must be string or null, not 5.',
        param: 'ai_model',
      },
    });
  });

  it('reports that nothing fits, and how to get a model that does', async () => {
    await load('models:\n  far: { size: 2GB, use_cases: [chat], download: { ollama: { model: x } } }\n', {});
    await assert.rejects(suggest({ use_case: 'chat' }), {
      code: 'NO_SUGGESTION',
      message:
        'No model matches the request: no model on disk fits (asked for: the use case "chat"); get one with: lamina pull far --source ollama.',
    });
  });

  it('lets plugins change the ranking only', async () => {
    await load(manifest, all);
    const taps = setup.hooks.tapsFor({ name: 'test', log: setup.log, closed: false });
    taps.suggestModel.tap((candidates, { useCase }) => {
      const invented = { ...candidates[0]!, model: { ...candidates[0]!.model, name: 'invented' } };
      return useCase === 'chat' ? [invented, ...candidates.toReversed()] : undefined;
    });
    assert.deepEqual(order(await suggest({ use_case: 'chat' })).at(-2), 'default');
    assert.equal(await name({ category: 'small' }), 'asked');
  });

  it('parses sizes as people write them', () => {
    const sizes: readonly [string | number, number | undefined][] = [
      ['2.0GB', 2e9],
      ['800 MB', 8e8],
      ['1GiB', 2 ** 30],
      ['~4 gb', 4e9],
      ['7', 7],
      [5, 5],
      ['1.5T', 1.5e12],
      ['huge', undefined],
      ['', undefined],
      [-1, undefined],
      [NaN, undefined],
    ];
    for (const [text, bytes] of sizes) assert.equal(parseSize(text), bytes, String(text));
  });
});
