// Models as core passes them to the backend, and directories of them for the stand-in.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileRole, Model, ModelFile } from '@lamina/core/plugin';

export function modelOf(parts: Partial<Model> = {}): Model {
  return {
    name: 'tiny',
    files: [file('weights', '/models/tiny')],
    format: 'mlc',
    aliases: [],
    options: {},
    pinned: false,
    limits: {},
    from: 'manifest',
    ...parts,
  };
}

/** A file, or a directory that is one unit; it need not exist. */
export function file(role: FileRole, path: string): ModelFile {
  return { role, path, bytes: 1 };
}

/** Writes a directory of weights in the format of MLC-LLM; the stand-in responds with the sentence. */
export async function writeModel(directory: string, sentence: string, config: object = {}): Promise<void> {
  await mkdir(directory, { recursive: true });
  const write = (name: string, text: string) => writeFile(join(directory, name), text);
  await write(
    'mlc-chat-config.json',
    JSON.stringify({
      model_type: 'llama',
      quantization: 'q4f16_1',
      context_window_size: 4096,
      prefill_chunk_size: 2048,
      conv_template: 'chatml',
      ...config,
    }),
  );
  await write(
    'tensor-cache.json',
    JSON.stringify({ records: [{ dataPath: 'params_shard_0.bin', nbytes: sentence.length }] }),
  );
  await write('params_shard_0.bin', sentence);
}
