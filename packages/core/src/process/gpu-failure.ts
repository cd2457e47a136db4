// Explains why an engine ended by a failure of CUDA or ROCm: its line is quoted, with what to do.
import { firstMatch } from './gguf/file-problems.js';

type Sentence = (quote: string) => string;

const otherRocmBuild =
  'Install a build for the architecture of this GPU. For a GPU that ROCm does not support, set HSA_OVERRIDE_GFX_VERSION to the version of a similar one in "env" of the backend (10.3.0 for RDNA 2, 11.0.0 for RDNA 3).';
const withoutGpu = 'or run the model without the GPU';

/**
 * The messages of cudaGetErrorString and hipGetErrorString, as llama.cpp, PyTorch and TVM print them, and those of
 * rocBLAS. Matched in this order; what matches is quoted.
 */
const failures: readonly (readonly [pattern: RegExp, sentence: Sentence])[] = [
  [
    /rocBLAS error: Could not initialize Tensile \w+: No devices found/,
    (quote) =>
      `The engine finds no AMD GPU (${quote}). Let this user open /dev/kfd and /dev/dri (the groups render and video), or pass both to the container.`,
  ],
  [
    /rocBLAS error: .*(?:Tensile|GPU arch).*/,
    (quote) => `rocBLAS has no code for this GPU (${quote}). ${otherRocmBuild}`,
  ],
  [
    /(?:(?:ROCm|HIP) error.*(?:no kernel image|invalid device function|kernel image is invalid)|hipErrorNoBinaryForGpu|Unable to find code object for all current devices).*/,
    (quote) => `This build of the engine has no code for this GPU (${quote}). ${otherRocmBuild}`,
  ],
  [
    /(?:CUDA error\b.*)?(?:no kernel image is available|invalid device function|kernel image is invalid).*|CUBLAS_STATUS_ARCH_MISMATCH/,
    (quote) =>
      `This build of the engine has no code for this GPU (${quote}). Install a build for its compute capability, ${withoutGpu}.`,
  ],
  [
    /(?:CUDA error\b.*)?(?:PTX was compiled with an unsupported toolchain|driver version is insufficient for CUDA runtime).*|The NVIDIA driver on your system is too old.*/,
    (quote) =>
      `The NVIDIA driver is too old for this build of the engine (${quote}). Update the driver, or install a build for an older CUDA, ${withoutGpu}.`,
  ],
];

/** All other failures; the backends explain those of memory first, because they know the options that need it. */
const others: readonly (readonly [pattern: RegExp, sentence: Sentence])[] = [
  [
    /(?:CUDA|ROCm|HIP|MUSA) error\b.*out of memory/,
    (quote) =>
      `The GPU has too little free memory (${quote}). Stop what else uses it, or choose a smaller model or context.`,
  ],
  [/(?:CUDA|ROCm|HIP|MUSA) error\b.*:.+/, failed],
  [/\S+: (?:CUDA|ROCm|HIP|MUSA) error$/, failed],
];

function failed(quote: string): string {
  return `The GPU failed (${quote}). If this happens again, update its driver, use another build of the engine, ${withoutGpu}.`;
}

/** Why the engine cannot use the GPU, as sentences; `undefined` when its output does not say so. */
export function gpuMismatch(output: readonly string[]): string | undefined {
  return sentenceFor(failures, output);
}

/** As {@link gpuMismatch}, for any other failure of a GPU. */
export function gpuFailure(output: readonly string[]): string | undefined {
  return sentenceFor(others, output);
}

function sentenceFor(known: typeof failures, output: readonly string[]): string | undefined {
  for (const [pattern, sentence] of known) {
    const match = firstMatch(output, pattern);
    if (match !== undefined) return sentence(`"${match[0].replace(/[.!"\s]+$/, '')}"`);
  }
  return undefined;
}
