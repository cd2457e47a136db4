// The models of a run and their expected responses: tiny GGUF files on the real engine, or files for the fake
// one.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tinyGguf } from '@lamina/testing';
import { llamaServer } from '../support/engine.js';

/** A model that is always in the manifest. */
export interface ChaosModel {
  readonly name: string;
  /** Its manifest entry without aliases. */
  readonly entry: Readonly<Record<string, unknown>>;
}

/** True on the real engine. */
export const isReal = llamaServer !== undefined;

const extension = isReal ? 'gguf' : 'fake';
const options = (real: object, fake: object) => ({ options: isReal ? real : fake });

/** Fast ones, a slow one for long streams, and one for embeddings. */
export const chatModels = ['ada', 'bea', 'cleo', 'slow'] as const;
export const embedder = 'vec';

/** Tokens of a long response: on the real engine the numbers from 1, on the fake one `slow: 1 2 3 …`. */
export const longTokens = 150;

/** The entries of the manifest. */
export const models: readonly ChaosModel[] = [
  ...['ada', 'bea', 'cleo'].map((name) => ({ name, entry: { path: `${name}.${extension}` } })),
  { name: 'slow', entry: { path: `slow.${extension}`, ...options({ parallel: 2 }, { chunk_ms: 5, parallel: 2 }) } },
  { name: embedder, entry: { path: `ada.${extension}`, ...options({ embeddings: true, pooling: 'mean' }, {}) } },
];

/** Writes the files of {@link models}. */
export async function writeModels(directory: string): Promise<void> {
  for (const name of chatModels) {
    const path = join(directory, `${name}.${extension}`);
    const shape = name === 'slow' ? { layers: 8, embeddingLength: 512 } : {};
    if (isReal) await tinyGguf(path, { name, say: sentence(name), ...shape });
    else await writeFile(path, `fake ${name}`);
  }
}

/** The response of a model to `hi`. */
export function knownAnswer(name: string): string {
  return isReal ? sentence(name).trim() : `${name}: 1 2 3 4`;
}

/**
 * The response of a model to `/count` with `max_tokens` of {@link longTokens}.
 */
export function knownLongAnswer(name: string): string {
  const count = (to: number) => Array.from({ length: to }, (_, index) => index + 1).join(' ');
  return isReal ? count(longTokens) : `${name}: ${count(longTokens - 1)}`;
}

/** A unique model file to download. */
export interface Downloadable {
  readonly filename: string;
  readonly content: Buffer;
  readonly sha256: string;
}

/** Creates the file of a model called `name`; a large one has 3 MB instead of 0.6. */
export async function makeDownloadable(name: string, scratch: string, large: boolean): Promise<Downloadable> {
  const content = isReal
    ? await ggufBytes(name, scratch, large)
    : Buffer.alloc(large ? 3_000_000 : 600_000, `${name} `);
  return { filename: `${name}.${extension}`, content, sha256: sha256Of(content) };
}

/** The SHA-256 of bytes, in hexadecimal digits. */
export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function ggufBytes(name: string, scratch: string, large: boolean): Promise<Buffer> {
  const folder = await mkdtemp(join(scratch, 'file-'));
  const path = join(folder, 'model.gguf');
  await tinyGguf(path, { name, say: sentence(name), ...(large ? { layers: 4, embeddingLength: 128 } : {}) });
  const content = await readFile(path);
  await rm(folder, { recursive: true });
  return content;
}

function sentence(name: string): string {
  return ` I am ${name}.`;
}
