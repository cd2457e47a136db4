// Estimates the memory of a GGUF model on an engine built on llama.cpp, from its header, before anything starts.
import type { Device, Machine, MemoryEstimate } from '../../contract/backends.js';
import type { Model } from '../../contract/models.js';
import { fileBytes } from '../../kernel/file-bytes.js';
import {
  cacheBytes,
  checkpointBytes,
  computeBytes,
  feedForwardLength,
  recurrentBytes,
  scoreBytes,
  slotBytes,
  tokensAtOnce,
  type ContextSize,
} from './context-memory.js';
import type { GgufMemoryOptions } from './memory-options.js';
import { driverBytes, offload, type Offload } from './offload.js';
import { isDeltaNet, shapeOf, type Shape } from './shape.js';

const mebibyte = 1024 * 1024;
/** The context that is chosen for a model when memory is short; llama.cpp goes no lower either (`--fit-ctx`). */
const leastContext = 4096;
/** The prompt cache of llama-server in MiB (`--cache-ram`). */
const defaultPromptCache = 8192;
/** Weights that the processor computes with in another layout are copied (`CPU_REPACK` in the log). */
const repacked = /^(?:Q2_K|Q3_K|Q4_K|Q4_0|IQ4_NL)/;
/** Delta nets take this in addition (measured with llama-server 0.7.0, which prints nothing about it). */
const deltaNetBytes = 24 * mebibyte;

/** The memory of an engine besides that of the model, in bytes. */
export interface EngineMemory {
  readonly processBytes: number;
  /** For each token of the vocabulary, and each merge. */
  readonly tokenBytes: number;
  readonly mergeBytes: number;
}

/** The machine, and what the estimate depends on in the engine. */
export interface GgufPlace extends Machine {
  readonly engine: EngineMemory;
  /** Slots of an engine for which `parallel` is not set: they share one context. Default: one slot. */
  readonly sharedSlots?: number;
  /** Whether the engine keeps a cache of prompts. */
  readonly promptCache: boolean;
  /** What the engine printed about this start, instead of what the header says. */
  readonly printed?: PrintedMemory;
}

/** The memory that llama.cpp says it will take, in bytes. */
export interface PrintedMemory {
  readonly host: PrintedPart;
  /** By device. */
  readonly devices: Readonly<Record<string, PrintedPart>>;
  /** Weights that it copies in another layout. */
  readonly repackedBytes: number;
}

/** The memory of one device or of the host. */
export interface PrintedPart {
  readonly model: number;
  readonly context: number;
  readonly compute: number;
}

/** What one start is computed from. */
interface Start {
  readonly model: Model;
  readonly shape: Shape;
  readonly options: GgufMemoryOptions;
  readonly place: GgufPlace;
}

/**
 * What a start would need. Keys, values and states are what llama-server allocates; the scratch space is an
 * approximation, the copies of states and the prompt cache an upper bound. `undefined` when the header lacks a field.
 */
export function estimateGgufMemory(
  model: Model,
  options: GgufMemoryOptions,
  place: GgufPlace,
): MemoryEstimate | undefined {
  const shape = shapeOf(model.metadata);
  if (shape === undefined) return undefined;
  const start: Start = { model, shape, options, place };
  const contextLength = contextOf(start);
  const largestContext = largestContextOf(start, (length) => needFor(start, length).hostBytes <= place.totalBytes);
  const promptCache = promptCacheOf(start, contextLength);
  return {
    ...needFor(start, contextLength),
    contextLength,
    ...(largestContext === undefined ? {} : { largestContext }),
    options: {
      ...(options.cpu_moe_layers === undefined ? placementOf(start, contextLength).options : {}),
      ...(options.context_length === undefined ? { context_length: contextLength } : {}),
      ...(place.promptCache && options.cache_ram === undefined ? { cache_ram: promptCache } : {}),
    },
  };
}

/** The context of a start for which nobody set one and whose header says nothing more. */
export function defaultContext({ metadata }: Pick<Model, 'metadata'>): number {
  return Math.min(metadata?.contextLength ?? leastContext, leastContext);
}

type Need = Pick<MemoryEstimate, 'hostBytes' | 'mappedBytes' | 'deviceBytes'>;

function needFor(start: Start, contextLength: number): Need {
  if (start.place.printed !== undefined) return printedNeed(start, contextLength, start.place.printed);
  const { model, shape, options, place } = start;
  const size = sizeOf(start, contextLength);
  const context = cacheBytes(shape, size) + recurrentBytes(shape, size);
  const compute = computeBytes(shape, size) + scoreBytes(shape, size);
  const weights = fileBytes(model, 'weights');
  const placed = placementOf(start, contextLength);
  const onHost = 1 - placed.layers / (shape.kept.length + 1);
  const contextOnHost = options.kv_offload === false ? 1 : onHost;
  const resident = isResident(model, options) ? weights : 0;
  const hostBytes =
    besides(start, contextLength) +
    contextOnHost * context +
    onHost * resident +
    (contextOnHost === 0 ? 0 : compute) +
    (placed.layers === 0 ? projectorBytes(model, options) : 0) +
    unifiedBytes(placed.deviceBytes, place.devices);
  return {
    hostBytes: Math.ceil(hostBytes),
    mappedBytes: Math.floor(onHost * (weights - resident)) + (isMapped(options) ? fileBytes(model, 'draft') : 0),
    deviceBytes: placed.deviceBytes,
  };
}

/** What the engine printed, and what it prints nothing about. */
function printedNeed(start: Start, contextLength: number, { host, devices, repackedBytes }: PrintedMemory): Need {
  const { model, shape, options, place } = start;
  const resident = isMapped(options) ? repackedBytes : host.model + repackedBytes;
  const used = Object.entries(devices).filter(([, part]) => part.model + part.context > 0);
  const deviceBytes = Object.fromEntries(
    used.map(([name, { model: weights, context, compute }]) => [name, weights + context + compute + driverBytes]),
  );
  // Whether the projector is among what it printed depends on the build.
  const projector = used.length === 0 ? projectorBytes(model, options) : 0;
  const hostBytes =
    besides(start, contextLength) +
    host.context +
    host.compute +
    (host.context > 0 ? scoreBytes(shape, sizeOf(start, contextLength)) : 0) +
    resident +
    projector +
    unifiedBytes(deviceBytes, place.devices);
  return {
    hostBytes: Math.ceil(hostBytes),
    mappedBytes: isMapped(options) ? host.model + fileBytes(model, 'draft') : 0,
    deviceBytes,
  };
}

/** What of a model goes to which device. */
function placementOf(start: Start, contextLength: number): Offload {
  const { model, shape, options, place } = start;
  const size = sizeOf(start, contextLength);
  const layers = shape.kept.length + 1;
  const context = options.kv_offload === false ? 0 : cacheBytes(shape, size) + recurrentBytes(shape, size);
  const load = {
    layers,
    layerBytes: (fileBytes(model, 'weights') + context) / layers,
    computeBytes: Math.max(computeBytes(shape, size), outputBytes(shape, size)),
    projectorBytes: projectorBytes(model, options),
  };
  return offload(load, options, place.devices);
}

/** Host memory besides weights, context and scratch space. */
function besides(start: Start, contextLength: number): number {
  const { model, shape, place } = start;
  const size = sizeOf(start, contextLength);
  return (
    processBytes(shape, size, place.engine) +
    checkpointBytes(shape, size) +
    fileBytes(model, 'adapter') +
    draftBytes(start, contextLength) +
    promptCacheOf(start, contextLength) * mebibyte
  );
}

/** What devices hold whose memory is system memory. */
function unifiedBytes(deviceBytes: Readonly<Record<string, number>>, devices: readonly Device[]): number {
  return devices.reduce((sum, { name, unified }) => sum + (unified === true ? (deviceBytes[name] ?? 0) : 0), 0);
}

/** The length that is set, that of the training when it is set to 0, else what takes a part of the memory. */
function contextOf(start: Start): number {
  const { options, shape, place } = start;
  const trained = shape.contextLength ?? leastContext;
  if (options.context_length !== undefined) return options.context_length === 0 ? trained : options.context_length;
  const memory = memoryForContexts(place);
  const fitting = largestContextOf(start, (length) => {
    const size = sizeOf(start, length);
    return cacheBytes(shape, size) + recurrentBytes(shape, size) + computeBytes(shape, size) <= memory / 4;
  });
  return Math.min(trained, Math.max(leastContext, fitting ?? 0));
}

/** That of the devices where there are any: a context for the memory of the system would push the model off them. */
function memoryForContexts({ devices, totalBytes }: Machine): number {
  const known = devices.flatMap((device) => device.totalBytes ?? []);
  return known.length === 0 ? totalBytes : known.reduce((sum, bytes) => sum + bytes, 0);
}

function sizeOf({ options, place }: Start, length: number): ContextSize {
  const { parallel, kv_unified } = options;
  const shared = parallel === undefined && place.sharedSlots !== undefined;
  return { length, slots: parallel ?? place.sharedSlots ?? 1, unified: kv_unified ?? shared, options };
}

/**
 * The engine without a model, its tokenizer, the numbers of one step for multiplications, and the probabilities of the
 * next token of each slot.
 */
function processBytes(shape: Shape, size: ContextSize, engine: EngineMemory): number {
  const { vocabularySize: tokens = 0, merges = 0, embeddingLength } = shape;
  const tokenizer = engine.tokenBytes * tokens + engine.mergeBytes * merges;
  const multiplication = 1.07 * tokensAtOnce(size) * Math.max(feedForwardLength(shape), embeddingLength);
  return (
    engine.processBytes + tokenizer + multiplication + 4 * tokens * size.slots + (isDeltaNet(shape) ? deltaNetBytes : 0)
  );
}

/** Scratch space of models that make embeddings, for outputs of all tokens; in host memory it is never touched. */
function outputBytes({ pooling, vocabularySize = 0 }: Shape, size: ContextSize): number {
  const embeds = size.options.embeddings ?? pooling !== undefined;
  return embeds ? 4 * tokensAtOnce(size) * vocabularySize : 0;
}

/** A draft model has keys, values, scratch space and a tokenizer of its own. */
function draftBytes({ model, options, place }: Start, contextLength: number): number {
  const weights = fileBytes(model, 'draft');
  if (weights === 0) return 0;
  const resident = isMapped(options) ? 0 : weights;
  const shape = shapeOf(model.metadata?.draft);
  if (shape === undefined) return resident;
  const size = sizeOf({ model, shape, options, place }, contextLength);
  const base = { ...place.engine, processBytes: 0 };
  const scratch = computeBytes(shape, size) + scoreBytes(shape, size);
  return resident + cacheBytes(shape, size) + scratch + processBytes(shape, size, base);
}

/** A projector is never mapped; its scratch space depends on the image, and is a guess. */
function projectorBytes(model: Model, { projector }: GgufMemoryOptions): number {
  const bytes = projector === false ? 0 : fileBytes(model, 'projector');
  return bytes === 0 ? 0 : 1.3 * bytes + 64 * mebibyte;
}

/**
 * MiB of the prompt cache: what is set, else two prompts that fill the context, at most a tenth of the memory; without a
 * limit it is expected to grow as large as llama-server's default.
 */
function promptCacheOf(start: Start, contextLength: number): number {
  const { shape, options, place } = start;
  if (!place.promptCache) return 0;
  if (options.cache_ram !== undefined) return options.cache_ram < 0 ? defaultPromptCache : options.cache_ram;
  const size = sizeOf(start, contextLength);
  const bytes = Math.min(2 * slotBytes(shape, size), place.totalBytes / 10);
  return Math.min(defaultPromptCache, Math.ceil(bytes / mebibyte));
}

function isResident({ metadata }: Model, options: GgufMemoryOptions): boolean {
  return !isMapped(options) || (options.repack !== false && repacked.test(metadata?.quantization ?? ''));
}

function isMapped({ mmap, mlock }: GgufMemoryOptions): boolean {
  return mmap !== false && mlock !== true;
}

/**
 * The longest context, in steps of 256 and at most that of the training, for which `fits` holds; `undefined` when even
 * the shortest does not.
 */
function largestContextOf(
  { shape: { contextLength: trained = 1 << 20 } }: Start,
  fits: (length: number) => boolean,
): number | undefined {
  if (fits(trained)) return trained;
  let low = 0;
  let high = Math.ceil(trained / 256);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle * 256)) low = middle;
    else high = middle;
  }
  return low === 0 ? undefined : low * 256;
}
