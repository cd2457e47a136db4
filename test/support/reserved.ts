// Names of the contract that are not used yet; the documentation says so, too.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './root.js';

type Reserved = Readonly<Record<'errors' | 'hooks' | 'events', Readonly<Record<string, string>>>>;

/** The list of scripts/docs/reserved.mjs: name → what will use it. */
export const { reserved } = (await import(pathToFileURL(join(root, 'scripts/docs/reserved.mjs')).href)) as {
  reserved: Reserved;
};
