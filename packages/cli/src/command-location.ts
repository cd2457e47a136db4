// Where this command lies, which decides in which project its plugins and its configuration file are looked for.
import { fileURLToPath } from 'node:url';
import type { CommandLocation } from '@lamina/config';

/** This command at the path it was invoked with; without one, as it lies in its package. */
export function commandAt(path: string | undefined): CommandLocation {
  return { package: '@lamina/cli', path: path ?? fileURLToPath(new URL('../bin/lamina.js', import.meta.url)) };
}
