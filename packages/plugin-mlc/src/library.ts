// Finds the compiled library of a model, code for one model and one device, beside its weights.
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { LaminaError } from '@lamina/core/plugin';

const suffixes = ['.so', '.dylib', '.dll'];

/** `Llama-3-8B-q4f16_1-cuda.so` is for cuda: the naming convention in the documentation of `mlc_llm compile`. */
const deviceInName = /[-_.](cuda|rocm|metal|vulkan|opencl|cpu)\.\w+$/;

/**
 * The library in a directory of weights that fits the device (`cuda:0`; `undefined` or `auto`: any); `undefined` when
 * there is none, so that MLC-LLM compiles one.
 * @throws LaminaError `CONFIG_INVALID` when several fit
 */
export async function libraryIn(directory: string, device: string | undefined): Promise<string | undefined> {
  const wanted = device === 'auto' ? undefined : device?.split(':')[0];
  const names = await readdir(directory).catch((): string[] => []); // MLC-LLM reports a missing directory.
  const libraries = names.filter((name) => suffixes.includes(extname(name))).sort();
  const fitting =
    wanted === undefined ? libraries : libraries.filter((name) => (deviceInName.exec(name)?.[1] ?? wanted) === wanted);
  if (fitting.length > 1)
    throw new LaminaError('CONFIG_INVALID', {
      message: `${directory} holds ${fitting.length} model libraries (${fitting.join(', ')}). Set model_lib to one of them, or set device.`,
    });
  return fitting[0] === undefined ? undefined : join(directory, fitting[0]);
}
