// Reads the threads and the settings that matter for memory from `default_args` and `extra_args`.
import type { GgufMemoryOptions } from '@lamina/core/plugin';
import type { ModelOptions } from './options.js';

const number = /^\d+$/;
const list = /^[^-\s]\S*$/;
const cacheType = /^(?:f32|f16|bf16|q8_0|q4_0|q4_1|iq4_nl|q5_0|q5_1)$/;

/** The options of a start, and what only raw arguments can say. */
export type EffectiveOptions = ModelOptions & GgufMemoryOptions;

/**
 * The flags that are read, with all their names, the option each stands for, and the values of that option.
 */
const readable: readonly {
  readonly option: keyof EffectiveOptions;
  readonly value: RegExp;
  readonly flags: readonly string[];
}[] = [
  { option: 'context_length', value: number, flags: ['-c', '--ctx-size'] },
  { option: 'parallel', value: number, flags: ['-np', '--parallel'] },
  { option: 'ubatch_size', value: number, flags: ['-ub', '--ubatch-size'] },
  { option: 'threads', value: number, flags: ['-t', '--threads'] },
  { option: 'gpu_layers', value: /^(?:\d+|auto|all)$/, flags: ['-ngl', '--gpu-layers', '--n-gpu-layers'] },
  { option: 'cache_type_k', value: cacheType, flags: ['-ctk', '--cache-type-k'] },
  { option: 'cache_type_v', value: cacheType, flags: ['-ctv', '--cache-type-v'] },
  { option: 'flash_attention', value: /^(?:on|off|auto)$/, flags: ['-fa', '--flash-attn'] },
  { option: 'cache_ram', value: /^(?:\d+|-1)$/, flags: ['-cram', '--cache-ram'] },
  { option: 'cpu_moe_layers', value: number, flags: ['-ncmoe', '--n-cpu-moe'] },
  { option: 'devices', value: list, flags: ['-dev', '--device'] },
  { option: 'tensor_split', value: /^[\d.,/]+$/, flags: ['-ts', '--tensor-split'] },
  { option: 'split_mode', value: /^(?:none|layer|row|tensor)$/, flags: ['-sm', '--split-mode'] },
  { option: 'main_gpu', value: number, flags: ['-mg', '--main-gpu'] },
  { option: 'checkpoints', value: number, flags: ['-ctxcp', '--ctx-checkpoints', '--swa-checkpoints'] },
];

/** Flags without a value, and what they mean. */
const switches: Readonly<Record<string, EffectiveOptions>> = {
  '-cmoe': { cpu_moe_layers: 'all' },
  '--cpu-moe': { cpu_moe_layers: 'all' },
  '--mmap': { mmap: true },
  '--no-mmap': { mmap: false },
  '--mlock': { mlock: true },
  '--swa-full': { swa_full: true },
  '-kvu': { kv_unified: true },
  '--kv-unified': { kv_unified: true },
  '-no-kvu': { kv_unified: false },
  '--no-kv-unified': { kv_unified: false },
  '-kvo': { kv_offload: true },
  '--kv-offload': { kv_offload: true },
  '-nkvo': { kv_offload: false },
  '--no-kv-offload': { kv_offload: false },
  '--repack': { repack: true },
  '-nr': { repack: false },
  '--no-repack': { repack: false },
  '--embedding': { embeddings: true },
  '--embeddings': { embeddings: true },
};

/** `--load-mode`, which replaced the switches for `mmap` and `mlock`. */
const loadModes: Readonly<Record<string, EffectiveOptions>> = {
  none: { mmap: false, mlock: false },
  mmap: { mmap: true, mlock: false },
  mlock: { mmap: false, mlock: true },
  'mmap+mlock': { mmap: true, mlock: true },
};

/**
 * The options as llama-server sees them: options override `default_args`, `extra_args` override options. The context is
 * per request, as in the option; in the flag it is for all requests together. 0 means the context of the training.
 */
export function effectiveOptions(options: ModelOptions, defaultArgs: readonly string[] = []): EffectiveOptions {
  const before = readArguments(defaultArgs);
  const after = readArguments(options.extra_args ?? []);
  const merged = { ...before, ...options, ...after };
  const total = after.context_length ?? (options.context_length === undefined ? before.context_length : undefined);
  if (total === undefined) return merged;
  return { ...merged, context_length: Math.ceil(total / (merged.parallel ?? 1)) };
}

/**
 * The options in these arguments; of conflicting ones the last, as llama-server reads them. Values that the option does
 * not accept are left out.
 */
function readArguments(args: readonly string[]): EffectiveOptions {
  const found: Record<string, unknown> = {};
  args.forEach((arg, index) => {
    const known = readable.find(({ flags }) => flags.includes(arg));
    const value = args[index + 1];
    if (known !== undefined && value !== undefined && known.value.test(value))
      found[known.option] = valueOf(known.option, value);
    Object.assign(found, arg === '-lm' || arg === '--load-mode' ? loadModes[value ?? ''] : switches[arg]);
  });
  return found;
}

function valueOf(option: keyof EffectiveOptions, value: string): unknown {
  if (option === 'devices') return value.split(',');
  if (option === 'tensor_split') return value.split(/[,/]/).map(Number);
  return Number.isNaN(Number(value)) ? value : Number(value);
}
