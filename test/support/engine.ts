// The real engines that are installed, and models for them.
import { join } from 'node:path';
import { tinyGguf } from '@lamina/testing';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { inPath } from './nginx.js';

/** Path of llama-server: from LAMINA_LLAMA_SERVER, or in PATH. */
export const llamaServer = process.env['LAMINA_LLAMA_SERVER'] ?? inPath('llama-server');

/** Directory of the embedded engine, which scripts/get-embedded.mjs installs. */
export const embeddedDirectory = process.env['LAMINA_EMBEDDED'];

/** A suite that needs the embedded engine; skipped with a reason when it is not installed. */
export function describeEmbedded(title: string, suite: (this: Mocha.Suite) => void): void {
  if (embeddedDirectory !== undefined) describe(title, suite);
  else
    describe.skip(
      `${title} (skipped: LAMINA_EMBEDDED is not set; scripts/get-embedded.mjs installs the engine)`,
      suite,
    );
}

/** A suite that needs llama-server; skipped with a reason when it is not installed. */
export function describeReal(title: string, suite: (this: Mocha.Suite) => void): void {
  if (llamaServer !== undefined) describe(title, suite);
  else describe.skip(`${title} (skipped: no llama-server; name one with LAMINA_LLAMA_SERVER)`, suite);
}

/** The plugin for llama-server, with one thread and a small context. */
export function realLlama() {
  return llamacpp({ executable: llamaServer ?? 'llama-server', threads: 1, context_length: 1024 });
}

/** Writes models that answer ` I am <name>.`; slow ones take about three seconds for a thousand tokens. */
export async function writeModels(
  directory: string,
  names: readonly string[],
  slow: readonly string[] = [],
): Promise<void> {
  for (const name of names)
    await tinyGguf(join(directory, `${name}.gguf`), {
      name,
      say: ` I am ${name}.`,
      ...(slow.includes(name) ? { layers: 8, embeddingLength: 512 } : {}),
    });
}
