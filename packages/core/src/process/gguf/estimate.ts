// Estimates the memory of a GGUF model on an engine built on llama.cpp, from its header, before anything starts.
import type { Device, Machine, MemoryEstimate } from '../../contract/backends.js';
import type { Model } from '../../contract/models.js';
import { cacheBytes, computeBytes, shapeOf, type Shape } from './context-memory.js';
import { offload, type Offload } from './offload.js';
import type { GgufMemoryOptions } from './memory-options.js';

/** llama.cpp reduces a default context down to this, not further (`--fit-ctx`). */
const smallestFit = 4096;
/**
 * Weights that the processor computes with in another layout are copied, and then no longer mapped from the file
 * (`CPU_REPACK` in the log).
 */
const repacked = /^(?:Q2_K|Q3_K|Q4_K|Q4_0|IQ4_NL)/;

/** The machine, the devices the engine found in it, and the memory of the engine without a model. */
export interface GgufPlace extends Machine {
  readonly devices: readonly Device[];
  readonly processBytes: number;
}

/**
 * What a start would need. Exact for keys and values of models with plain attention, an approximation for the scratch
 * space, and an upper bound for models that keep only a window of tokens, or keep experts in host memory. The memory of
 * a draft model's context is not counted. `undefined` when the header lacks a field.
 */
export function estimateGgufMemory(
  model: Model,
  options: GgufMemoryOptions,
  place: GgufPlace,
): MemoryEstimate | undefined {
  const shape = shapeOf(model.metadata);
  if (shape === undefined) return undefined;
  const need = (contextLength: number) => needFor(model, shape, options, place, contextLength);
  const fits = (bytes: number) =>
    largestFit((contextLength) => need(contextLength).hostBytes <= bytes, shape.contextLength);
  const contextLength = options.context_length ?? defaultContext(shape, fits(place.freeBytes));
  const largestContext = fits(place.totalBytes);
  return { ...need(contextLength), contextLength, ...(largestContext === undefined ? {} : { largestContext }) };
}

function needFor(
  model: Model,
  shape: Shape,
  options: GgufMemoryOptions,
  { devices, processBytes }: GgufPlace,
  contextLength: number,
): Pick<MemoryEstimate, 'hostBytes' | 'mappedBytes' | 'deviceBytes'> {
  const cache = cacheBytes(shape, options, contextLength);
  const compute = computeBytes(shape, options, contextLength);
  const weights = bytesOf(model, 'weights');
  const layers = shape.layers + 1;
  const placed = offload({ layers, layerBytes: (weights + cache) / layers, computeBytes: compute }, options, devices);
  const onHost = 1 - placed.layers / layers;
  const resident = isResident(model, options) ? weights : 0;
  const projector = options.projector === false ? 0 : bytesOf(model, 'projector');
  const hostCompute = onHost === 0 ? 0 : compute;
  const hostProjector = placed.layers === 0 ? projector : 0;
  return {
    hostBytes: Math.round(processBytes + onHost * (cache + resident) + hostCompute + hostProjector),
    mappedBytes: Math.round(onHost * (weights - resident)),
    deviceBytes: withProjector(placed, projector),
  };
}

/** The projector goes to the first device, when there is one. */
function withProjector({ deviceBytes }: Offload, projector: number): Readonly<Record<string, number>> {
  const [first] = Object.keys(deviceBytes);
  return first === undefined ? deviceBytes : { ...deviceBytes, [first]: (deviceBytes[first] ?? 0) + projector };
}

function isResident({ metadata }: Model, { mmap, mlock }: GgufMemoryOptions): boolean {
  return mmap === false || mlock === true || repacked.test(metadata?.quantization ?? '');
}

function bytesOf(model: Model, role: 'weights' | 'projector'): number {
  return model.files.filter((file) => file.role === role).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** llama.cpp's default: the context of the training, reduced to what fits. */
function defaultContext({ contextLength = smallestFit }: Shape, fitting = 0): number {
  return Math.min(contextLength, Math.max(smallestFit, fitting));
}

/**
 * The longest context, in steps of 256 and at most that of the training, for which `fits` holds; `undefined` when even
 * the shortest does not.
 */
function largestFit(fits: (contextLength: number) => boolean, trained = 1 << 20): number | undefined {
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
