// Names that are in the contract and not in use yet; the documents say so too.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './root.js';

type Reserved = Readonly<Record<'errors' | 'hooks' | 'events', Readonly<Record<string, string>>>>;

/** What scripts/docs/reserved.mjs lists: name → what will use it. */
export const { reserved } = (await import(pathToFileURL(join(root, 'scripts/docs/reserved.mjs')).href)) as {
  reserved: Reserved;
};
