// How much of a model goes to which device.
import type { Device } from '../../contract/backends.js';
import type { GgufMemoryOptions } from './memory-options.js';

/** What the driver keeps on a device for each process, about: 451 to 456 MiB were seen on an RTX 4090. */
export const driverBytes = 500 * 1024 * 1024;

/** What to distribute over the devices. */
export interface Load {
  /** Layers of the model, and one for its output. */
  readonly layers: number;
  /** Bytes of one layer: weights, keys and values. */
  readonly layerBytes: number;
  /** Bytes that every used device needs in addition. */
  readonly computeBytes: number;
  /** Bytes that the first of them needs in addition. */
  readonly projectorBytes: number;
}

/** Layers on devices, what each device holds, and the options of the engine that make it so. */
export interface Offload {
  readonly layers: number;
  readonly deviceBytes: Readonly<Record<string, number>>;
  readonly options: Pick<GgufMemoryOptions, 'gpu_layers' | 'devices' | 'tensor_split'>;
}

/**
 * Distributes a model: as the options say; else to the one device where it fits and that has the most free memory, else
 * as many layers to each as fit.
 */
export function offload(load: Load, options: GgufMemoryOptions, present: readonly Device[]): Offload {
  const usable = devicesFor(options, present);
  if (usable.length === 0) return { layers: 0, deviceBytes: {}, options: {} };
  const { gpu_layers = 'auto' } = options;
  if (gpu_layers !== 'auto') {
    const layers = gpu_layers === 'all' ? load.layers : Math.min(gpu_layers, load.layers);
    return placed(load, usable, split(layers, options.tensor_split ?? usable.map(({ freeBytes }) => freeBytes ?? 1)));
  }
  const rooms = usable.map((device, index) => roomFor(load, device, index === 0));
  if (options.tensor_split !== undefined) return byShares(load, usable, rooms, options.tensor_split);
  return fitting(load, usable, rooms, options);
}

/** As many layers as fit in the proportions that are set. */
function byShares(
  load: Load,
  devices: readonly Device[],
  rooms: readonly number[],
  shares: readonly number[],
): Offload {
  const countsFor = (layers: number) =>
    split(
      layers,
      devices.map((_, index) => shares[index] ?? 0),
    );
  let layers = load.layers;
  while (layers > 0 && countsFor(layers).some((count, index) => count > rooms[index]!)) layers -= 1;
  return { ...placed(load, devices, countsFor(layers)), options: { gpu_layers: layers } };
}

function fitting(
  load: Load,
  devices: readonly Device[],
  rooms: readonly number[],
  { devices: set, split_mode }: GgufMemoryOptions,
): Offload {
  const alone = devices.filter((device) => roomFor(load, device, true) >= load.layers).sort(byRoom)[0];
  if (alone !== undefined) {
    const choice = set === undefined && split_mode === undefined && devices.length > 1 ? { devices: [alone.name] } : {};
    const isSplit = devices.length > 1 && choice.devices === undefined;
    const only = devices.map((device) => (device === alone ? load.layers : 0));
    return {
      ...placed(load, devices, only),
      options: { gpu_layers: load.layers, ...choice, ...(isSplit ? { tensor_split: only } : {}) },
    };
  }
  let left = load.layers;
  const counts = rooms.map((room) => {
    const count = Math.min(left, room);
    left -= count;
    return count;
  });
  const layers = load.layers - left;
  return {
    ...placed(load, devices, counts),
    options: { gpu_layers: layers, ...(layers > 0 && devices.length > 1 ? { tensor_split: counts } : {}) },
  };
}

/** The device with the most memory for a model first; of equal ones, that of which models hold least. */
function byRoom(a: Device, b: Device): number {
  const [free, otherFree] = [a.freeBytes ?? Infinity, b.freeBytes ?? Infinity];
  return free === otherFree ? (a.reservedBytes ?? 0) - (b.reservedBytes ?? 0) : otherFree - free;
}

/** Layers that fit a device; all on one whose memory is not known. */
function roomFor(load: Load, { freeBytes }: Device, first: boolean): number {
  if (freeBytes === undefined) return load.layers;
  const room = freeBytes - driverBytes - load.computeBytes - (first ? load.projectorBytes : 0);
  return Math.max(0, Math.min(load.layers, Math.floor(room / load.layerBytes)));
}

function placed(load: Load, devices: readonly Device[], counts: readonly number[]): Offload {
  const used = devices.map(({ name }, index) => ({ name, count: counts[index] ?? 0 })).filter(({ count }) => count > 0);
  const deviceBytes = Object.fromEntries(
    used.map(({ name, count }, index) => [
      name,
      Math.ceil(count * load.layerBytes + load.computeBytes + driverBytes + (index === 0 ? load.projectorBytes : 0)),
    ]),
  );
  return { layers: counts.reduce((sum, count) => sum + count, 0), deviceBytes, options: {} };
}

/** Layers for each device in these proportions, as llama.cpp splits them: by the first layer past each boundary. */
function split(layers: number, shares: readonly number[]): readonly number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  let sum = 0;
  let before = 0;
  return shares.map((share) => {
    sum += total === 0 ? 1 / shares.length : share / total;
    const until = Math.round(layers * sum);
    const count = until - before;
    before = until;
    return count;
  });
}

function devicesFor(
  { devices, split_mode, main_gpu = 0 }: GgufMemoryOptions,
  present: readonly Device[],
): readonly Device[] {
  const wanted = devices === undefined ? present : present.filter(({ name }) => devices.includes(name));
  return split_mode === 'none' ? wanted.slice(main_gpu, main_gpu + 1) : wanted;
}
