// The real vLLM, when this machine has one.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The vLLM of this machine: from LAMINA_VLLM, else the one in PATH. */
export const realVllm =
  process.env['LAMINA_VLLM'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'vllm'))
    .find(existsSync);

/**
 * Options for a small machine without a GPU. By default, each vLLM would bind its threads to the same core;
 * and a killed one leaves its sockets in the temporary folder: here a folder of the test.
 */
export function smallOptions(folder: string) {
  const env = { VLLM_CPU_OMP_THREADS_BIND: 'nobind', TMPDIR: folder };
  return {
    load_format: 'dummy',
    dtype: 'float32',
    max_model_len: 2048,
    max_num_seqs: 4,
    enforce_eager: true,
    cpu_kvcache_space: 1,
    env,
  } as const;
}

/** A suite that needs the real engine; skipped without one, with the reason in its title. */
export function describeReal(title: string, body: (this: Mocha.Suite) => void): void {
  if (realVllm === undefined)
    describe.skip(`${title} (skipped: there is no vllm in PATH, and LAMINA_VLLM names none)`, body);
  else describe(title, body);
}
