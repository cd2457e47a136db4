// A process that downloads a model with Lamina and prints its progress; a test kills it.
import { createLamina } from '@lamina/core';
import type { Json } from '@lamina/core/plugin';
import { hfSource } from '@lamina/plugin-hf-source';
import { ollamaSource } from '@lamina/plugin-ollama-source';

const [modelsDir, endpoint, reference] = process.argv.slice(2) as [string, string, string];
const lamina = await createLamina({
  modelsDir,
  plugins: [hfSource({ endpoint, adopt: false }), ollamaSource({ adopt: false })],
  downloads: { retryDelay: 0.1 },
});
lamina.events.on('download.progress', ({ done }) => process.stdout.write(`${done}\n`));
const { id } = await lamina.downloads.start({ reference: JSON.parse(reference) as Json, name: 'tiny' });
await lamina.downloads.wait(id);
await lamina.close();
