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
  engine: { processBytes: 16 * mebibyte, tokenBytes: 160, mergeBytes: 190 },
  promptCache: false,
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

/** MiB that llama-server needs and does not print: for multiplications, and for attention without flash attention. */
function unprinted({ context_length = 0, ubatch_size = 512, flash_attention }: ModelOptions): number {
  const multiplication = 1.07 * ubatch_size * 8192;
  return (multiplication + (flash_attention === 'off' ? 2 * ubatch_size * context_length * 32 : 0)) / mebibyte;
}

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
        Math.abs(hostMebibytes(options) - (process + cache + compute + unprinted(options))) < 1,
        `${hostMebibytes(options)} MiB, reported ${cache} + ${compute}`,
      );
    });
  }

  it('excludes mapped weights, and includes them when they are not mapped, locked, or repacked for the CPU', () => {
    const mapped = hostMebibytes({ context_length: 1024 });
    assert.equal(hostMebibytes({ context_length: 1024, mmap: false }), mapped + 1024);
    assert.equal(hostMebibytes({ context_length: 1024, mlock: true }), mapped + 1024);
    const repacked = { ...shape, quantization: 'Q4_K_M' };
    assert.equal(hostMebibytes({ context_length: 1024 }, machine, repacked), mapped + 1024);
    const raw = effectiveOptions({ context_length: 1024 }, ['--no-repack']);
    assert.equal(hostMebibytes(raw, machine, repacked), mapped);
  });

  it('includes the projector, which is never mapped, and space for images', () => {
    const model = modelOf({
      files: [file('weights', '/m.gguf', gibibyte), file('projector', '/p.gguf', 100 * mebibyte)],
      metadata: shape,
    });
    const difference = (options: ModelOptions) =>
      (estimateGgufMemory(model, options, machine)?.hostBytes ?? NaN) / mebibyte - hostMebibytes(options);
    assert.equal(difference({ context_length: 1024 }), 130 + 64);
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

  it('chooses the trained context, or the longest that takes at most a quarter of the memory, at least 4096', () => {
    const contextOn = (totalBytes: number, metadata = shape) =>
      estimateGgufMemory(modelOf({ metadata }), {}, { ...machine, totalBytes })?.options?.['context_length'];
    assert.equal(contextOn(24 * gibibyte), 65536);
    assert.equal(contextOn(gibibyte), 38400);
    assert.equal(contextOn(mebibyte), 4096);
    assert.equal(contextOn(mebibyte, { ...shape, contextLength: 512 }), 512);
  });

  it('leaves a context that somebody set as it is', () => {
    const estimateFor = (options: ModelOptions, args: readonly string[] = []) =>
      estimateGgufMemory(modelOf({ metadata: shape }), effectiveOptions(options, args), machine) ?? assert.fail();
    for (const estimate of [estimateFor({ context_length: 768 }), estimateFor({ parallel: 2 }, ['-c', '1536'])]) {
      assert.equal(estimate.contextLength, 768);
      assert.deepEqual(estimate.options, {});
    }
    assert.equal(estimateFor({}, ['-c', '0']).contextLength, 65536);
    assert.deepEqual(estimateFor({}, ['-c', '0']).options, {});
  });

  it('limits the prompt cache to two full contexts and a tenth of the memory, and counts it', () => {
    const cacheOf = (options: ModelOptions, totalBytes = machine.totalBytes) => {
      const place = { ...machine, totalBytes, promptCache: true };
      const estimate = estimateGgufMemory(modelOf({ metadata: shape }), options, place) ?? assert.fail();
      const without = estimateGgufMemory(modelOf({ metadata: shape }), options, { ...place, promptCache: false });
      return [estimate.options?.['cache_ram'], (estimate.hostBytes - (without?.hostBytes ?? NaN)) / mebibyte];
    };
    assert.deepEqual(cacheOf({ context_length: 4096 }), [32, 32]);
    assert.deepEqual(cacheOf({ context_length: 4096, parallel: 3 }), [32, 32]);
    assert.deepEqual(cacheOf({ context_length: 4096 }, 200 * mebibyte), [20, 20]);
    assert.deepEqual(cacheOf({ context_length: 4096, cache_ram: 5 }), [undefined, 5]);
    assert.deepEqual(cacheOf({ context_length: 4096, cache_ram: -1 }), [undefined, 8192]);
    assert.deepEqual(cacheOf(effectiveOptions({ context_length: 4096 }, ['-cram', '-1'])), [undefined, 8192]);
  });

  it('counts the adapters, and the draft model with its own keys, values and tokenizer', () => {
    const own = file('weights', '/m.gguf', gibibyte);
    const estimateWith = (role: 'adapter' | 'draft', metadata: ModelMetadata) =>
      estimateGgufMemory(
        modelOf({ files: [own, file(role, '/x.gguf', 10 * mebibyte)], metadata }),
        { context_length: 4096 },
        machine,
      ) ?? assert.fail();
    const alone = hostMebibytes({ context_length: 4096 });
    assert.equal(estimateWith('adapter', shape).hostBytes / mebibyte, alone + 10);
    const { hostBytes, mappedBytes } = estimateWith('draft', { ...shape, draft: { ...shape, vocabularySize: 1000 } });
    const tokenizer = (164 * 1000) / mebibyte;
    assert.equal(Math.round(hostBytes / mebibyte), Math.round(2 * alone - process + tokenizer));
    assert.equal(mappedBytes, gibibyte + 10 * mebibyte);
  });

  it('counts the contexts of all requests, also when they share one', () => {
    const own = hostMebibytes({ context_length: 4096, parallel: 4 });
    const shared = hostMebibytes(effectiveOptions({ context_length: 4096, parallel: 4, extra_args: ['-kvu'] }));
    // The mask of a step is as long as all contexts: 512 tokens, three contexts more, two bytes.
    assert.equal(Math.round(shared - own), (512 * 3 * 4096 * 2) / mebibyte);
  });

  it('adds to what the engine prints the scores that it does not print without flash attention', () => {
    const part = { model: gibibyte, context: 16 * mebibyte, compute: 290 * mebibyte };
    const printed = { host: part, devices: {}, repackedBytes: 0 };
    const hostOf = (options: ModelOptions) =>
      hostMebibytes({ context_length: 4096, ...options }, { ...machine, printed });
    assert.equal(
      Math.round(hostOf({ flash_attention: 'off' }) - hostOf({})),
      (2 * 512 * 4096 * (shape.heads ?? 0)) / mebibyte,
    );
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
    assert.equal(gibibytes(deviceBytes['CUDA0']), 32.8);
    assert.equal(gibibytes(hostBytes), 0);
  });

  it('splits by free memory, or as configured', () => {
    const devices = [device('CUDA0', 30), device('CUDA1', 10)];
    const shares = (options: ModelOptions) =>
      Object.values(estimate({ gpu_layers: 'all', ...options }, devices).deviceBytes).map(gibibytes);
    assert.deepEqual(shares({}), [24.7, 8.6]);
    assert.deepEqual(shares({ tensor_split: [1, 1] }), [16.7, 16.7]);
    assert.deepEqual(shares({ split_mode: 'none', main_gpu: 1 }), [32.8]);
    assert.deepEqual(shares({ devices: ['CUDA1'] }), [32.8]);
  });

  it('offloads as many layers as fit by default', () => {
    const { deviceBytes, hostBytes } = estimate({}, [device('CUDA0', 12)]);
    assert.ok(
      gibibytes(deviceBytes['CUDA0']) > 11 && gibibytes(deviceBytes['CUDA0']) <= 12,
      String(gibibytes(deviceBytes['CUDA0'])),
    );
    assert.ok(hostBytes > process * mebibyte);
    assert.deepEqual(estimate({}, [device('CUDA0', 1)]).deviceBytes, {});
  });

  it('starts the engine with the placement of the estimate, unless somebody set one', () => {
    const chosen = (options: ModelOptions, ...free: readonly number[]) =>
      estimate(
        options,
        free.map((each, index) => device(`CUDA${index}`, each)),
      ).options;
    assert.deepEqual(chosen({}, 40), { gpu_layers: 32 });
    assert.deepEqual(chosen({}, 40, 60), { gpu_layers: 32, devices: ['CUDA1'] });
    assert.deepEqual(chosen({}, 12), { gpu_layers: 11 });
    assert.deepEqual(chosen({}, 0.5), { gpu_layers: 0 });
    assert.deepEqual(chosen({}, 12, 20), { gpu_layers: 30, tensor_split: [11, 19] });
    assert.deepEqual(chosen({ tensor_split: [1, 1] }, 12, 20), { gpu_layers: 22 });
    assert.deepEqual(chosen({ devices: ['CUDA0', 'CUDA1'] }, 40, 60), { gpu_layers: 32, tensor_split: [0, 32] });
    assert.deepEqual(chosen({ gpu_layers: 3 }, 40, 60), {});
  });

  it('never puts more on a device than is free there', () => {
    const frees = fc.array(fc.double({ min: 0, max: 40, noNaN: true }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(frees, (free) => {
        const devices = free.map((each, index) => device(`CUDA${index}`, each));
        const { deviceBytes } = estimate({}, devices);
        for (const { name, freeBytes = 0 } of devices) assert.ok((deviceBytes[name] ?? 0) <= freeBytes, name);
      }),
    );
  });

  it('counts what a device holds whose memory is system memory there too', () => {
    const metal = { ...device('MTL0', 40), unified: true };
    const { hostBytes, deviceBytes } = estimate({}, [metal]);
    assert.equal(hostBytes - estimate({}, [device('MTL0', 40)]).hostBytes, deviceBytes['MTL0']);
  });

  it('keeps the context in system memory when configured so', () => {
    const of = (options: ModelOptions) => estimate({ gpu_layers: 'all', ...options }, [device('CUDA0', 40)]);
    const usual = of({});
    const kept = of(effectiveOptions({ extra_args: ['-nkvo'] }));
    const context = (31 * 8 * 128 * 2 * 4096) / mebibyte;
    assert.equal(Math.round((usual.deviceBytes['CUDA0']! - kept.deviceBytes['CUDA0']!) / mebibyte), context);
    assert.ok((kept.hostBytes - usual.hostBytes) / mebibyte >= context);
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

  it('say what memory depends on and no option says', () => {
    const args = ['--swa-full', '-kvu', '--no-repack', '-ctxcp', '4', '-cram', '0', '--no-mmap', '--mlock'];
    assert.deepEqual(effectiveOptions({}, args), {
      swa_full: true,
      kv_unified: true,
      repack: false,
      checkpoints: 4,
      cache_ram: 0,
      mmap: false,
      mlock: true,
    });
    assert.deepEqual(effectiveOptions({ mmap: false }, ['-lm', 'mmap']), { mmap: false, mlock: false });
  });

  it('say where a model goes', () => {
    const args = ['-dev', 'CUDA1,CUDA0', '-ts', '3,1', '-sm', 'row', '-mg', '1', '-ncmoe', '4'];
    assert.deepEqual(effectiveOptions({}, args), {
      devices: ['CUDA1', 'CUDA0'],
      tensor_split: [3, 1],
      split_mode: 'row',
      main_gpu: 1,
      cpu_moe_layers: 4,
    });
  });

  it('override options when they come last', () => {
    const options: ModelOptions = { cache_type_k: 'f16', extra_args: ['-ctk', 'q4_0'] };
    assert.equal(effectiveOptions(options).cache_type_k, 'q4_0');
  });

  it('set the context for all parallel requests, the option sets it for one', () => {
    assert.equal(effectiveOptions({ parallel: 4 }, ['-c', '4096']).context_length, 1024);
    assert.equal(effectiveOptions({ context_length: 4096 }, ['-np', '4']).context_length, 4096);
    assert.equal(effectiveOptions({}, ['-c', '0']).context_length, 0);
  });

  it('are ignored when their value is invalid', () => {
    assert.deepEqual(effectiveOptions({}, ['-np', '-1', '-ctk', 'q9_9', '-c']), {});
  });
});
