// A Lamina in a process of its own that downloads a model, tells how far it is, and is killed.
import { createLamina } from '@lamina/core';

const [modelsDir, url, sha256] = process.argv.slice(2) as [string, string, string];
const lamina = await createLamina({ modelsDir, downloads: { retryDelay: 0.1 } });
lamina.events.on('download.progress', ({ done }) => process.stdout.write(`${done}\n`));
const { id } = await lamina.downloads.start({ reference: { url, sha256 }, name: 'tiny' });
await lamina.downloads.wait(id);
await lamina.close();
