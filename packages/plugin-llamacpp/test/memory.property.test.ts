// Properties of the memory estimate, for models of every kind.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { estimateGgufMemory, type MemoryEstimate, type ModelMetadata } from '@lamina/core/plugin';
import { effectiveOptions, type EffectiveOptions } from '../dist/raw-arguments.js';
import { file, modelOf } from './model.js';

const gibibyte = 2 ** 30;
const place = {
  totalBytes: 64 * gibibyte,
  freeBytes: 64 * gibibyte,
  cores: 8,
  devices: [],
  engine: { processBytes: 6 * 2 ** 20, tokenBytes: 160, mergeBytes: 190 },
  sharedSlots: 4,
  promptCache: true,
};

function estimateOf(metadata: ModelMetadata, options: EffectiveOptions): MemoryEstimate {
  const model = modelOf({ files: [file('weights', '/m.gguf', gibibyte)], metadata });
  return estimateGgufMemory(model, options, place) ?? assert.fail('There is no estimate.');
}

const plain = fc.record({
  layers: fc.integer({ min: 1, max: 64 }),
  heads: fc.integer({ min: 8, max: 64 }),
  kvHeads: fc.integer({ min: 1, max: 8 }),
  keyLength: fc.constantFrom(32, 64, 128),
  valueLength: fc.constantFrom(32, 64, 128),
  embeddingLength: fc.integer({ min: 64, max: 8192 }),
  feedForwardLength: fc.integer({ min: 64, max: 30_000 }),
  contextLength: fc.integer({ min: 512, max: 262_144 }),
  vocabularySize: fc.integer({ min: 100, max: 300_000 }),
});
const recurrent = { convolution: 4, innerSize: 2048, stateSize: 128, groups: 8 };
const kinds: fc.Arbitrary<ModelMetadata> = fc
  .tuple(
    plain,
    fc.constantFrom<ModelMetadata>(
      {},
      { slidingWindow: 512, windowPattern: 6 },
      { slidingWindow: 4096, windowPattern: 2 },
      { expertsUsed: 4, expertFeedForwardLength: 768 },
      { kvLoraRank: 512 },
      { attentionInterval: 4, recurrent },
      { kvHeads: 0, recurrent },
    ),
  )
  .map(([sizes, kind]) => ({ ...sizes, ...kind }));
const settings: fc.Arbitrary<EffectiveOptions> = fc.record({
  context_length: fc.integer({ min: 1, max: 100_000 }),
  parallel: fc.integer({ min: 1, max: 8 }),
  ubatch_size: fc.integer({ min: 1, max: 4096 }),
  flash_attention: fc.constantFrom('on' as const, 'off' as const),
  kv_unified: fc.boolean(),
});

/** Options → options with one of them larger. */
const largerOptions: Readonly<Record<string, (options: EffectiveOptions, more: number) => EffectiveOptions>> = {
  'the context': (options, more) => ({ ...options, context_length: (options.context_length ?? 0) + more }),
  'the number of requests': (options) => ({ ...options, parallel: (options.parallel ?? 0) + 1 }),
  'the step': (options, more) => ({ ...options, ubatch_size: (options.ubatch_size ?? 0) + more }),
};

/** A model → a larger one. */
const largerModel: Readonly<Record<string, (metadata: ModelMetadata, more: number) => ModelMetadata>> = {
  'the vocabulary': (metadata, more) => ({ ...metadata, vocabularySize: (metadata.vocabularySize ?? 0) + more }),
  'the number of layers': (metadata) => ({ ...metadata, layers: (metadata.layers ?? 0) + 1 }),
};
const amount = fc.integer({ min: 1, max: 10_000 });

describe('the memory estimate of any model', () => {
  for (const [what, grow] of Object.entries(largerOptions)) {
    it(`never falls when ${what} grows`, () => {
      fc.assert(
        fc.property(kinds, settings, amount, (metadata, options, more) => {
          const before = estimateOf(metadata, options).hostBytes;
          assert.ok(estimateOf(metadata, grow(options, more)).hostBytes >= before);
        }),
      );
    });
  }

  for (const [what, grow] of Object.entries(largerModel)) {
    it(`never falls when ${what} grows`, () => {
      fc.assert(
        fc.property(kinds, settings, amount, (metadata, options, more) => {
          const before = estimateOf(metadata, options).hostBytes;
          assert.ok(estimateOf(grow(metadata, more), options).hostBytes >= before);
        }),
      );
    });
  }

  it('never falls when the numbers of keys and values are wider', () => {
    const widths = ['q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'f16', 'f32'] as const;
    fc.assert(
      fc.property(kinds, settings, (metadata, options) => {
        const needs = widths.map(
          (width) => estimateOf(metadata, { ...options, cache_type_k: width, cache_type_v: width }).hostBytes,
        );
        assert.deepEqual(
          needs,
          [...needs].sort((a, b) => a - b),
        );
      }),
    );
  });

  it('moves the mapped weights, and nothing else, when they are not mapped', () => {
    fc.assert(
      fc.property(kinds, settings, (metadata, options) => {
        const mapped = estimateOf(metadata, options);
        const read = estimateOf(metadata, { ...options, mmap: false });
        assert.equal(mapped.mappedBytes, gibibyte);
        assert.equal(read.mappedBytes, 0);
        assert.equal(read.hostBytes - mapped.hostBytes, gibibyte);
      }),
    );
  });

  it('is that of a model without a window when layers with one keep all tokens', () => {
    fc.assert(
      fc.property(plain, settings, (metadata, options) => {
        const full = effectiveOptions({ extra_args: ['--swa-full'] });
        const { hostBytes } = estimateOf(
          { ...metadata, slidingWindow: 512, windowPattern: 2 },
          { ...options, ...full },
        );
        assert.equal(hostBytes, estimateOf(metadata, options).hostBytes);
      }),
    );
  });

  it('has a chosen context and prompt cache that keep it the same when they are set', () => {
    fc.assert(
      fc.property(kinds, (metadata) => {
        const { options, ...estimate } = estimateOf(metadata, {});
        const { options: left, ...again } = estimateOf(metadata, { ...options });
        assert.deepEqual(left, {});
        assert.equal(again.hostBytes, estimate.hostBytes);
        assert.equal(again.contextLength, estimate.contextLength);
      }),
    );
  });
});
