import assert from 'node:assert/strict';
import fc from 'fast-check';
import { estimateGgufMemory, type Device, type GgufPlace, type ModelMetadata } from '@lamina/core/plugin';
import type { ModelOptions } from '../dist/options.js';
import { effectiveOptions } from '../dist/raw-arguments.js';
import { file, modelOf } from './model.js';

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;
const machine: GgufPlace = {
  totalBytes: 32 * gibibyte,
  freeBytes: 24 * gibibyte,
  cores: 8,
  devices: [],
  processBytes: 16 * mebibyte,
};

// The report of llama-server 0.7.0 (-lv 4) for a llama model of 2 layers with 32 heads, 8 of them for keys
// and values, embeddings of 2048 numbers.
const shape: ModelMetadata = {
  layers: 2,
  kvHeads: 8,
  heads: 32,
  keyLength: 64,
  valueLength: 64,
  embeddingLength: 2048,
  contextLength: 65536,
  quantization: 'Q8_0',
};
const process = 16;
const reported: readonly { readonly options: ModelOptions; readonly cache: number; readonly compute: number }[] = [
  { options: { context_length: 1024 }, cache: 4, compute: 69.02 },
  { options: { context_length: 4096 }, cache: 16, compute: 72.02 },
  { options: { context_length: 16384 }, cache: 64, compute: 84.02 },
  { options: { context_length: 4096, flash_attention: 'off' }, cache: 16, compute: 290.01 },
  { options: { context_length: 16384, flash_attention: 'off' }, cache: 64, compute: 1082.01 },
  { options: { context_length: 4096, ubatch_size: 128 }, cache: 16, compute: 18 },
  { options: { context_length: 4096, cache_type_k: 'q8_0', cache_type_v: 'q8_0' }, cache: 8.5, compute: 72.05 },
  { options: { context_length: 4096, cache_type_k: 'q4_0' }, cache: 10.25, compute: 72.03 },
  { options: { context_length: 1000 }, cache: 4, compute: 69.02 },
  { options: { context_length: 334, parallel: 3 }, cache: 6, compute: 68.65 },
];

/** MiB of host memory. */
function hostMebibytes(
  options: ModelOptions,
  place: GgufPlace = machine,
  metadata: ModelMetadata = shape,
  weights = gibibyte,
): number {
  const estimate = estimateGgufMemory(
    modelOf({ files: [file('weights', '/m.gguf', weights)], metadata }),
    options,
    place,
  );
  return (estimate?.hostBytes ?? NaN) / mebibyte;
}

describe('the memory estimate', () => {
  for (const { options, cache, compute } of reported) {
    it(`matches the report of llama-server for ${JSON.stringify(options)}`, () => {
      assert.ok(
        Math.abs(hostMebibytes(options) - (process + cache + compute)) < 1,
        `${hostMebibytes(options)} MiB, reported ${cache} + ${compute}`,
      );
    });
  }

  it('excludes mapped weights, and includes them when they are not mapped, locked, or repacked for the CPU', () => {
    const mapped = hostMebibytes({ context_length: 1024 });
    assert.equal(hostMebibytes({ context_length: 1024, mmap: false }), mapped + 1024);
    assert.equal(hostMebibytes({ context_length: 1024, mlock: true }), mapped + 1024);
    assert.equal(hostMebibytes({ context_length: 1024 }, machine, { ...shape, quantization: 'Q4_K_M' }), mapped + 1024);
  });

  it('includes the projector, which is never mapped', () => {
    const model = modelOf({
      files: [file('weights', '/m.gguf', gibibyte), file('projector', '/p.gguf', 100 * mebibyte)],
      metadata: shape,
    });
    const difference = (options: ModelOptions) =>
      (estimateGgufMemory(model, options, machine)?.hostBytes ?? NaN) / mebibyte - hostMebibytes(options);
    assert.equal(difference({ context_length: 1024 }), 100);
    assert.equal(difference({ context_length: 1024, projector: false }), 0);
  });

  it('contains the longest context that fits, in steps, at most the trained one', () => {
    const model = modelOf({ metadata: shape });
    const longest = (totalBytes: number) =>
      estimateGgufMemory(model, { context_length: 1024 }, { ...machine, totalBytes })?.largestContext;
    assert.equal(longest(32 * gibibyte), 65536);
    assert.equal(longest(16 * mebibyte), undefined);
    const tight = longest(200 * mebibyte) ?? 0;
    assert.equal(tight % 256, 0);
    assert.ok(
      hostMebibytes({ context_length: tight }) <= 200 && hostMebibytes({ context_length: tight + 256 }) > 200,
      `${tight} tokens`,
    );
  });

  it('uses the trained context by default, reduced when free memory is short, as llama-server does', () => {
    const contextOn = (freeBytes: number) =>
      estimateGgufMemory(modelOf({ metadata: shape }), {}, { ...machine, freeBytes })?.contextLength;
    assert.equal(contextOn(24 * gibibyte), 65536);
    assert.equal(contextOn(mebibyte), 4096);
    assert.ok((contextOn(200 * mebibyte) ?? 0) < 65536);
  });

  it('is missing when the header lacks the required values', () => {
    assert.equal(estimateGgufMemory(modelOf(), {}, machine), undefined);
    assert.equal(estimateGgufMemory(modelOf({ metadata: { layers: 2 } }), {}, machine), undefined);
  });

  it('never shrinks as the context grows', () => {
    const option = fc.record({
      parallel: fc.integer({ min: 1, max: 8 }),
      flash_attention: fc.constantFrom('on' as const, 'off' as const),
    });
    fc.assert(
      fc.property(
        option,
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 100_000 }),
        (options, length, more) => {
          assert.ok(
            hostMebibytes({ ...options, context_length: length }) <=
              hostMebibytes({ ...options, context_length: length + more }),
          );
        },
      ),
    );
  });
});

describe('the memory estimate with devices', () => {
  const device = (name: string, free: number): Device => ({
    name,
    totalBytes: 24 * gibibyte,
    freeBytes: free * gibibyte,
  });
  const metadata: ModelMetadata = { ...shape, layers: 31 };
  const model = modelOf({ files: [file('weights', '/m.gguf', 32 * gibibyte)], metadata });
  const estimate = (options: ModelOptions, devices: readonly Device[]) =>
    estimateGgufMemory(model, { context_length: 4096, ...options }, { ...machine, devices }) ?? assert.fail();
  const gibibytes = (bytes: number | undefined) => Math.round(((bytes ?? 0) / gibibyte) * 10) / 10;

  it('puts everything on the devices on request, and leaves the host almost nothing', () => {
    const { hostBytes, deviceBytes } = estimate({ gpu_layers: 'all' }, [device('CUDA0', 40)]);
    assert.equal(gibibytes(deviceBytes['CUDA0']), 32.3);
    assert.equal(hostBytes, process * mebibyte);
  });

  it('splits by free memory, or as configured', () => {
    const devices = [device('CUDA0', 30), device('CUDA1', 10)];
    const shares = (options: ModelOptions) =>
      Object.values(estimate({ gpu_layers: 'all', ...options }, devices).deviceBytes).map(gibibytes);
    assert.deepEqual(shares({}), [24.3, 8.1]);
    assert.deepEqual(shares({ tensor_split: [1, 1] }), [16.2, 16.2]);
    assert.deepEqual(shares({ split_mode: 'none', main_gpu: 1 }), [32.3]);
    assert.deepEqual(shares({ devices: ['CUDA1'] }), [32.3]);
  });

  it('offloads as many layers as fit by default', () => {
    const { deviceBytes, hostBytes } = estimate({}, [device('CUDA0', 12)]);
    assert.ok(
      gibibytes(deviceBytes['CUDA0']) > 10 && gibibytes(deviceBytes['CUDA0']) <= 11,
      String(gibibytes(deviceBytes['CUDA0'])),
    );
    assert.ok(hostBytes > process * mebibyte);
    assert.deepEqual(estimate({}, [device('CUDA0', 1)]).deviceBytes, {});
  });

  it('uses no device when configured so, or when there is none', () => {
    assert.deepEqual(estimate({ gpu_layers: 0 }, [device('CUDA0', 12)]).deviceBytes, {});
    assert.deepEqual(estimate({ devices: ['none'] }, [device('CUDA0', 12)]).deviceBytes, {});
    assert.deepEqual(estimate({ gpu_layers: 'all' }, []).deviceBytes, {});
  });
});

describe('raw arguments', () => {
  it('count when no option is set, under any name of the flag, with the last one winning', () => {
    const args = ['-c', '1024', '--ctx-size', '4096', '-ctk', 'q8_0', '-ngl', '99', '--metrics'];
    assert.deepEqual(effectiveOptions({}, args), { context_length: 4096, cache_type_k: 'q8_0', gpu_layers: 99 });
    assert.deepEqual(effectiveOptions({ gpu_layers: 'auto', context_length: 512 }, args), {
      context_length: 512,
      cache_type_k: 'q8_0',
      gpu_layers: 'auto',
    });
  });

  it('override options when they come last', () => {
    const options: ModelOptions = { cache_type_k: 'f16', extra_args: ['-ctk', 'q4_0'] };
    assert.equal(effectiveOptions(options).cache_type_k, 'q4_0');
  });

  it('set the context for all parallel requests, the option sets it for one', () => {
    assert.equal(effectiveOptions({ parallel: 4 }, ['-c', '4096']).context_length, 1024);
    assert.equal(effectiveOptions({ context_length: 4096 }, ['-np', '4']).context_length, 4096);
    assert.equal(effectiveOptions({}, ['-c', '0']).context_length, undefined);
  });

  it('are ignored when their value is invalid', () => {
    assert.deepEqual(effectiveOptions({}, ['-np', '-1', '-ctk', 'q9_9', '-c']), {});
  });
});
