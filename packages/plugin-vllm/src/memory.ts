// What a model needs on vLLM: on GPUs a share of each, which is chosen here unless somebody set it.
import {
  fileBytes,
  type Device,
  type FoundEngine,
  type InstanceOptions,
  type Machine,
  type MemoryEstimate,
  type Model,
} from '@lamina/core/plugin';
import { factsOf } from './engine.js';
import { gpuNamed, type Gpu } from './gpus.js';
import type { ModelOptions } from './options.js';

const gibibyte = 1024 ** 3;

/** What vLLM takes by default (vllm/config/cache.py): the rest is for CUDA graphs and fragmentation. */
const largestShare = 0.92;
/** A model needs memory besides its weights; with less there is no room for a context. */
const leastPerWeights = 1.2;
/** vLLM compares its share with what is free after CUDA has begun to use the GPU. An estimate, not measured. */
const cudaContextBytes = gibibyte;
/** Host memory of the server with its first worker, and of each further worker. Estimates, not measured. */
const serverBytes = 4 * gibibyte;
const workerBytes = 2 * gibibyte;
/** What a sleeping worker keeps on its GPU. An estimate, not measured. */
const asleepBytes = 2 * gibibyte;
/** On a CPU: the KV cache when nobody sets its size (vllm/v1/worker/cpu_worker.py), and everything else. */
const cpuKvcacheGib = 4;
const cpuServerBytes = 2 * gibibyte;

/** `undefined` before vLLM was found, and where the memory of its devices is not known. */
export function estimateMemory(
  model: Model,
  options: ModelOptions,
  machine: Machine,
  { instance, engine }: { instance: InstanceOptions; engine?: FoundEngine },
): Promise<MemoryEstimate | undefined> {
  const facts = factsOf(engine);
  const known = { ...sizesIn(instance.default_args), ...options, ...sizesIn(options.extra_args) };
  if (facts?.builtFor === 'cpu') return Promise.resolve(onCpu(model, known, facts.cpuKvcacheGib));
  return Promise.resolve(facts?.builtFor === 'cuda' ? onGpus(model, known, facts.gpus, machine.devices) : undefined);
}

function onCpu(model: Model, options: ModelOptions, fromEnvironment: number | undefined): MemoryEstimate {
  const given = options.cpu_kvcache_space ?? fromEnvironment;
  return {
    hostBytes: fileBytes(model, 'weights') + (given ?? cpuKvcacheGib) * gibibyte + cpuServerBytes,
    deviceBytes: {},
    contextLength: contextOf(model, options),
    ...(given === undefined ? { options: { cpu_kvcache_space: cpuKvcacheGib } } : {}),
  };
}

function onGpus(
  model: Model,
  options: ModelOptions,
  all: readonly Gpu[],
  room: readonly Device[],
): MemoryEstimate | undefined {
  const { tensor_parallel_size = 1, pipeline_parallel_size = 1, data_parallel_size = 1 } = options;
  const parts = tensor_parallel_size * pipeline_parallel_size;
  const count = parts * data_parallel_size;
  const gpus = (options.devices === undefined ? mostRoom(all, room) : named(all, options.devices))?.slice(0, count);
  const known = gpus?.flatMap(({ name, id, totalBytes }) =>
    totalBytes === undefined ? [] : [{ name, id, totalBytes }],
  );
  if (known?.length !== count) return undefined;
  const weights = fileBytes(model, 'weights');
  const needs = known.map((gpu) => needOf(weights / parts, options, { ...gpu, freeBytes: freeOf(room, gpu) }));
  // One share for all: of GPUs that differ, what the fullest one has.
  const share = options.gpu_memory_utilization ?? Math.min(1, ...needs.map((need) => need.share));
  const deviceBytes = Object.fromEntries(
    known.map(({ name, totalBytes }, index) => [name, Math.round(needs[index]!.bytes ?? share * totalBytes)]),
  );
  const hostBytes = serverBytes + (count - 1) * workerBytes;
  return {
    hostBytes,
    deviceBytes,
    contextLength: contextOf(model, options),
    ...asleep(options, { hostBytes, deviceBytes }, weights * data_parallel_size),
    options: {
      ...(options.gpu_memory_utilization === undefined ? { gpu_memory_utilization: share } : {}),
      ...(options.devices === undefined && count < all.length ? { devices: known.map(({ id }) => id).sort() } : {}),
    },
  };
}

interface Room {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** The share of a GPU, and the bytes where they are not the share: below the least share, and with a fixed KV cache. */
function needOf(
  weights: number,
  options: ModelOptions,
  { totalBytes, freeBytes }: Room,
): { share: number; bytes?: number } {
  const { kv_cache_memory_bytes: kv, gpu_memory_utilization: given } = options;
  if (kv !== undefined) {
    const bytes = 1.15 * (weights + kv);
    return { share: hundredths(bytes / totalBytes, Math.ceil), bytes };
  }
  const least = leastPerWeights * weights;
  const most = Math.min(largestShare, hundredths((freeBytes - cudaContextBytes) / totalBytes, Math.floor));
  if (given !== undefined || most * totalBytes >= least) return { share: most };
  return { share: hundredths(least / totalBytes, Math.ceil), bytes: least };
}

function asleep(
  { sleep_level: level }: ModelOptions,
  awake: Pick<MemoryEstimate, 'hostBytes' | 'deviceBytes'>,
  weights: number,
): Pick<MemoryEstimate, 'asleep'> {
  if (level === undefined) return {};
  const deviceBytes = Object.fromEntries(
    Object.entries(awake.deviceBytes).map(([name, bytes]) => [name, Math.min(asleepBytes, bytes)]),
  );
  return { asleep: { hostBytes: awake.hostBytes + (level === 1 ? weights : 0), deviceBytes } };
}

/** Those with the most memory for a model first. */
function mostRoom(gpus: readonly Gpu[], room: readonly Device[]): readonly Gpu[] {
  const reserved = ({ name }: Gpu) => room.find((device) => device.name === name)?.reservedBytes ?? 0;
  return [...gpus].sort((a, b) => freeOf(room, b) - freeOf(room, a) || reserved(a) - reserved(b));
}

/** The GPUs an operator chose, in that order; `undefined` when one of them is not known. */
function named(gpus: readonly Gpu[], devices: readonly string[]): readonly Gpu[] | undefined {
  const found = devices.flatMap((device) => gpuNamed(gpus, device) ?? []);
  return found.length === devices.length ? found : undefined;
}

function freeOf(room: readonly Device[], { name }: Pick<Device, 'name'>): number {
  return room.find((device) => device.name === name)?.freeBytes ?? 0;
}

function hundredths(share: number, round: (value: number) => number): number {
  return Math.max(1, round(share * 100)) / 100;
}

function contextOf({ metadata }: Model, { max_model_len: length }: ModelOptions): number {
  return typeof length === 'number' ? length : (metadata?.contextLength ?? 0);
}

const sizeFlags = {
  gpu_memory_utilization: ['--gpu-memory-utilization'],
  kv_cache_memory_bytes: ['--kv-cache-memory-bytes'],
  tensor_parallel_size: ['--tensor-parallel-size', '-tp'],
  pipeline_parallel_size: ['--pipeline-parallel-size', '-pp'],
  data_parallel_size: ['--data-parallel-size', '-dp'],
} as const;

/** What raw arguments say about memory, the last one of a kind: `--flag 2`, `--flag=2`. */
function sizesIn(args: readonly string[] = []): Partial<Record<keyof typeof sizeFlags, number>> {
  const words = args.flatMap((arg) => (/^--[\w-]+=/.test(arg) ? arg.split(/=(.*)/s, 2) : [arg]));
  return Object.fromEntries(
    Object.entries(sizeFlags).flatMap(([option, flags]) => {
      const at = words.findLastIndex((word) => flags.some((flag) => flag === word));
      const value = at === -1 ? NaN : Number(words[at + 1]);
      return value > 0 ? [[option, value]] : [];
    }),
  );
}
