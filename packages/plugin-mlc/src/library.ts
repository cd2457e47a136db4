// The compiled library of a model: code for one model and one device, which lies apart from the weights or beside them.
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { LaminaError } from '@lamina/core/plugin';

const suffixes = ['.so', '.dylib', '.dll'];

/** `Llama-3-8B-q4f16_1-cuda.so` is for cuda: so `mlc_llm compile` is told to name them everywhere in its documents. */
const deviceInName = /[-_.](cuda|rocm|metal|vulkan|opencl|cpu)\.\w+$/;

/**
 * The library in a directory of weights that fits the device (`cuda:0`; `undefined` or `auto`: any); `undefined` when
 * there is none, so that MLC-LLM compiles one.
 * @throws LaminaError `CONFIG_INVALID` when several fit
 */
export async function libraryIn(directory: string, device: string | undefined): Promise<string | undefined> {
  const wanted = device === 'auto' ? undefined : device?.split(':')[0];
  const names = await readdir(directory).catch((): string[] => []); // That it is missing, MLC-LLM says better.
  const libraries = names.filter((name) => suffixes.includes(extname(name))).sort();
  const fitting =
    wanted === undefined ? libraries : libraries.filter((name) => (deviceInName.exec(name)?.[1] ?? wanted) === wanted);
  if (fitting.length > 1)
    throw new LaminaError('CONFIG_INVALID', {
      message: `${directory} holds ${fitting.length} model libraries (${fitting.join(', ')}). Name one with the option model_lib, or set device.`,
    });
  return fitting[0] === undefined ? undefined : join(directory, fitting[0]);
}
