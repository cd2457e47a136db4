// How much of a model goes to which device.
import type { Device } from '../../contract/backends.js';
import type { GgufMemoryOptions } from './memory-options.js';

/** llama.cpp leaves this much free on each device when it chooses the layers itself (`--fit-target`). */
const marginBytes = 1024 * 1024 * 1024;

/** What to distribute over the devices. */
export interface Load {
  /** Layers of the model, and one for its output. */
  readonly layers: number;
  /** Bytes of one layer: weights, keys and values. */
  readonly layerBytes: number;
  /** Bytes that every used device needs in addition. */
  readonly computeBytes: number;
}

/** Layers on devices, and what each device holds. */
export interface Offload {
  readonly layers: number;
  readonly deviceBytes: Readonly<Record<string, number>>;
}

/**
 * Distributes a model like llama.cpp: the layers asked for, or as many as fit; by `tensor_split`, or by free memory.
 */
export function offload(load: Load, options: GgufMemoryOptions, present: readonly Device[]): Offload {
  const devices = devicesFor(options, present);
  const layers = devices.length === 0 ? 0 : layersOn(devices, load, options.gpu_layers ?? 'auto');
  if (layers === 0) return { layers, deviceBytes: {} };
  const shares = sharesOf(devices, options.tensor_split);
  const deviceBytes = Object.fromEntries(
    devices.map(({ name }, index) => [
      name,
      Math.round(layers * load.layerBytes * (shares[index] ?? 0) + load.computeBytes),
    ]),
  );
  return { layers, deviceBytes };
}

function devicesFor(
  { devices, split_mode, main_gpu = 0 }: GgufMemoryOptions,
  present: readonly Device[],
): readonly Device[] {
  const wanted = devices === undefined ? present : present.filter(({ name }) => devices.includes(name));
  return split_mode === 'none' ? wanted.slice(main_gpu, main_gpu + 1) : wanted;
}

function layersOn(
  devices: readonly Device[],
  { layers, layerBytes, computeBytes }: Load,
  wanted: number | 'auto' | 'all',
): number {
  if (wanted === 'all') return layers;
  if (wanted !== 'auto') return Math.min(wanted, layers);
  const free = devices.reduce((sum, { freeBytes }) => sum + (freeBytes ?? Infinity) - marginBytes - computeBytes, 0);
  return Math.max(0, Math.min(layers, Math.floor(free / layerBytes)));
}

function sharesOf(devices: readonly Device[], split: readonly number[] | undefined): readonly number[] {
  const weights = devices.map(({ freeBytes }, index) => (split === undefined ? (freeBytes ?? 1) : (split[index] ?? 0)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (total === 0 ? 1 / devices.length : weight / total));
}
