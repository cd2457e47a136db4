// Lists the GPUs that a vLLM may use, as nvidia-smi reports them, and the limits in its environment.
import { LaminaError, type Device, type ProbeTools } from '@lamina/core/plugin';

/** A GPU of NVIDIA. `name` is that of CUDA, which other engines use too: `CUDA0` is the first one vLLM sees. */
export interface Gpu extends Device {
  /** Its index and UUID, either of which CUDA_VISIBLE_DEVICES accepts. */
  readonly id: string;
  readonly uuid: string;
}

/** What the probe reads besides the version. */
export interface Surroundings {
  readonly gpus: readonly Gpu[];
  /** `VLLM_CPU_KVCACHE_SPACE`, in GiB. */
  readonly cpuKvcacheGib?: number;
}

const mebibyte = 1024 * 1024;

/** nvidia-smi does not heed CUDA_VISIBLE_DEVICES; only the environment of the engine has it. */
const script = `echo "visible=\${CUDA_VISIBLE_DEVICES-all}"
echo "kvcache=$VLLM_CPU_KVCACHE_SPACE"
exec nvidia-smi --query-gpu=index,uuid,mig.mode.current,memory.total,memory.free,name --format=csv,noheader,nounits`;

/**
 * The GPUs that CUDA_VISIBLE_DEVICES leaves, in its order; none without nvidia-smi. The bytes of a GPU are missing where
 * its memory is that of the system (`[N/A]`), and where it is divided into MIG instances.
 */
export async function surroundingsOf({ run }: ProbeTools): Promise<Surroundings> {
  const lines = await run(['-c', script], '/bin/sh').then(
    ({ stdout }) => stdout.split('\n').map((line) => line.trim()),
    (error: unknown) => {
      if (LaminaError.is(error)) return []; // No shell, or an nvidia-smi that hangs. What is left is a shortage.
      throw error;
    },
  );
  const valueOf = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  const kvcache = Number(valueOf('kvcache'));
  const gpus = visible(lines.flatMap(gpuOf), valueOf('visible'));
  return { gpus, ...(kvcache > 0 ? { cpuKvcacheGib: kvcache } : {}) };
}

/** The GPU that an entry of CUDA_VISIBLE_DEVICES names: by its index, or the beginning of its UUID. */
export function gpuNamed<T extends { readonly id: string; readonly uuid: string }>(
  gpus: readonly T[],
  entry: string,
): T | undefined {
  return gpus.find(({ id, uuid }) => entry === id || (entry.startsWith('GPU-') && uuid.startsWith(entry)));
}

function gpuOf(line: string): Omit<Gpu, 'name'>[] {
  const [id = '', uuid = '', mig, total, free, ...name] = line.split(', ');
  if (!/^\d+$/.test(id) || name.length === 0) return [];
  const [totalBytes, freeBytes] = [total, free].map((text) => Number(text) * mebibyte);
  const isKnown = mig !== 'Enabled' && totalBytes! > 0 && freeBytes! >= 0;
  return [
    { id, uuid, description: name.join(', '), ...(isKnown ? { totalBytes: totalBytes!, freeBytes: freeBytes! } : {}) },
  ];
}

/** As CUDA reads the variable: the first entry that names no GPU ends the list. */
function visible(gpus: readonly Omit<Gpu, 'name'>[], entries: string): Gpu[] {
  const found = entries === 'all' ? gpus : entries.split(',').map((entry) => gpuNamed(gpus, entry.trim()));
  const listed: Gpu[] = [];
  for (const gpu of found) {
    if (gpu === undefined) break;
    listed.push({ ...gpu, name: `CUDA${listed.length}` });
  }
  return listed;
}
