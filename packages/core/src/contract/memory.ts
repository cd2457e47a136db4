// Memory and other resources that running models share.

/**
 * Amounts by resource. `host` is system memory in bytes; a device, by the name that its engine gives it (`CUDA0`), its
 * memory in bytes; `servers` counts model servers (`limits.maxLoaded`), `group:<name>` those of a group of the manifest.
 */
export type Resources = Readonly<Record<string, number>>;

/** True for a resource that counts models: `servers`, or a group; any other is an amount of memory in bytes. */
export function countsModels(resource: string): boolean {
  return resource === 'servers' || resource.startsWith('group:');
}

/** The memory of a running model. */
export interface ModelMemory {
  /** What is reserved for it while it runs. */
  readonly reserved: Resources;
  /**
   * Where the amount is from: `estimate`: computed from the header of the model; `engine`: the engine said so before it
   * loaded; `learned`: what the model took before; `unknown`: guessed from the size of its files.
   */
  readonly basis: 'estimate' | 'engine' | 'learned' | 'unknown';
  /** System memory its processes held when last measured, in bytes, without pages of mapped files. */
  readonly residentBytes?: number;
  /** True when its mapped weights do not fit in memory, so that it is slow. */
  readonly slow?: boolean;
}

/** What models may use and what they use, by resource. */
export interface MemorySnapshot {
  /** What all models together may use. A resource without a limit is missing. */
  readonly budget: Resources;
  /** What is reserved for models that run or start. */
  readonly reserved: Resources;
  /** What another model could get now, without stopping one. Less than the difference while other programs need memory. */
  readonly free: Resources;
  /** The system memory of the machine, or of the container Lamina runs in, in bytes. */
  readonly totalBytes: number;
  /** The system memory that is available to programs, in bytes. */
  readonly availableBytes: number;
}
