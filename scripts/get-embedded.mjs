// Installs the embedded engine into the cache folder if it is missing, as the plugin does on first use, and prints the
// plugin's option `directory`. Requires a build (npm run build) and access to npm's registry.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { install } from '../packages/plugin-embedded/dist/install/installer.js';
import { placeFor } from '../packages/plugin-embedded/dist/place.js';

const directory = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lamina', 'embedded');
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());

const context = {
  signal: stop.signal,
  env: process.env,
  progress: () => {},
  output: (_stream, text) => console.error(text),
  guard: () => () => {},
};
try {
  await install({ ...(await placeFor({ directory }, '')), backend: 'embedded' }, context);
  console.log(directory);
} catch (error) {
  console.error(`get-embedded: ${error.message}`);
  process.exitCode = 3;
}
