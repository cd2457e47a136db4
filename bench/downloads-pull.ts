// A Lamina in a process of its own that downloads one file and says what that took.
import { createLamina } from '@lamina/core';

/** What one download took. */
export interface Taken {
  readonly seconds: number;
  /** Of all threads, user and system. */
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

const [modelsDir, url, sha256] = process.argv.slice(2) as [string, string, string];
const lamina = await createLamina({ modelsDir });
const began = performance.now();
const before = process.cpuUsage();
const { id } = await lamina.downloads.start({
  reference: { url, ...(sha256 === '' ? {} : { sha256 }) },
  name: 'pulled',
});
await lamina.downloads.wait(id);
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - began) / 1000;
const taken: Taken = {
  seconds,
  cpuSeconds: (user + system) / 1e6,
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
};
await lamina.close();
console.log(JSON.stringify(taken));
