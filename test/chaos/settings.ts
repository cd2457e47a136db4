// What the run and the configuration module of its server share.

/** The variable that marks every process of a run; its value is unique to the run. */
export const markVariable = 'LAMINA_CHAOS_RUN';

/** The private address that the server may download from: `127.0.0.1:<port>`. */
export const siteVariable = 'LAMINA_CHAOS_SITE';

/** The path of a JSON file with the {@link MachineMemory} of the server. */
export const machineVariable = 'LAMINA_CHAOS_MACHINE';

/** The memory that the server takes for that of its machine, in bytes. */
export interface MachineMemory {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

/** The starvation timeout of the server, in milliseconds. */
export const starvationMs = 500;

/** The keys of the server. */
export const keys = { inference: 'chaos-inference-key', manage: 'chaos-manage-key' } as const;
