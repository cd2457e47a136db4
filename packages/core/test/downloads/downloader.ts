// A Lamina in a process of its own that downloads, and prints how far it is, until it is killed.
import { createLamina } from '@lamina/core';

const [modelsDir, url] = process.argv.slice(2) as [string, string];
const lamina = await createLamina({ modelsDir, downloads: { stallTimeout: 5, retryDelay: 0.01, attempts: 100 } });
lamina.events.on('download.progress', ({ done }) => process.stdout.write(`${done}\n`));
const { id } = lamina.downloads.list()[0] ?? (await lamina.downloads.start({ reference: url, name: 'tiny' }));
await lamina.downloads.wait(id);
await lamina.close();
