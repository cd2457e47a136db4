// Downloads one file with Lamina and prints the peak memory of this process in bytes.
// Arguments: models directory, URL, SHA-256 (may be empty).
import { createLamina } from '@lamina/core';

const [modelsDir, url, sha256] = process.argv.slice(2) as [string, string, string];
const lamina = await createLamina({ modelsDir });
const reference = sha256 === '' ? url : { url, sha256 };
const { id } = await lamina.downloads.start({ reference, name: 'pulled' });
await lamina.downloads.wait(id);
await lamina.close();
console.log(process.resourceUsage().maxRSS * 1024);
