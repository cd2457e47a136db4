// The models of a run and their expected responses: files for the fake engine, and tiny GGUF files for the real engines
// that are installed. Together they need far more memory than the budget allows.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tinyGguf } from '@lamina/testing';
import { embeddedDirectory, llamaServer } from '../support/engine.js';

const mebibyte = 1024 * 1024;

/** What all models of a run together may use, in bytes. */
export const budgetBytes = 1_200 * mebibyte;

/** A model that is always in the manifest. */
export interface ChaosModel {
  readonly name: string;
  readonly engine: 'fake' | 'real';
  /** Its manifest entry without aliases. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** Requests that its engine computes at once. */
  readonly parallel: number;
}

const fake = (name: string, mebibytes: number, behaviour: object = {}, parallel = Infinity): ChaosModel => ({
  name,
  engine: 'fake',
  entry: {
    path: `${name}.fake`,
    options: {
      memory_bytes: mebibytes * mebibyte,
      load_ms: 100,
      ...behaviour,
      ...(parallel === Infinity ? {} : { parallel }),
    },
  },
  parallel,
});
const real = (name: string, backend: string): ChaosModel => ({
  name,
  engine: 'real',
  entry: { path: `${name}.gguf`, backend, options: { parallel: 2 } },
  parallel: 2,
});

/** The model with a steady stream of requests. */
export const steadyModel = 'steady';
/** The model for embeddings. */
export const embedder = 'vec';

/** Fast ones, a slow one for long streams, one that is always wanted, real ones where installed, one for embeddings. */
export const models: readonly ChaosModel[] = [
  fake('ada', 500),
  fake('bea', 400),
  fake('cleo', 300),
  fake('slow', 600, { chunk_ms: 5 }, 2),
  fake(steadyModel, 450, { chunk_ms: 40 }),
  ...(llamaServer === undefined ? [] : [real('lara', 'llama.cpp')]),
  ...(embeddedDirectory === undefined ? [] : [real('emma', 'embedded')]),
  fake(embedder, 200),
];

/** The names of those that chat. */
export const chatModels: readonly string[] = models.map(({ name }) => name).filter((name) => name !== embedder);

/** Tokens of a long response: on the real engines the numbers from 1, on the fake one `slow: 1 2 3 …`. */
export const longTokens = 150;

/** Writes the files of {@link models}. */
export async function writeModels(directory: string): Promise<void> {
  for (const { name, engine } of models) {
    if (engine === 'fake') await writeFile(join(directory, `${name}.fake`), `fake ${name}`);
    else await tinyGguf(join(directory, `${name}.gguf`), { name, say: sentence(name) });
  }
}

/** The response of a model to `hi`. */
export function knownAnswer(name: string): string {
  return isReal(name) ? sentence(name).trim() : `${name}: 1 2 3 4`;
}

/** The response of a model to `/count` with `max_tokens` of {@link longTokens}. */
export function knownLongAnswer(name: string): string {
  const count = (to: number) => Array.from({ length: to }, (_, index) => index + 1).join(' ');
  return isReal(name) ? count(longTokens) : `${name}: ${count(longTokens - 1)}`;
}

/** A unique model file to download. */
export interface Downloadable {
  readonly filename: string;
  readonly content: Buffer;
  readonly sha256: string;
}

/** Creates the file of a model called `name`; a large one has 3 MB instead of 0.6. */
export function makeDownloadable(name: string, large: boolean): Downloadable {
  const content = Buffer.alloc(large ? 3_000_000 : 600_000, `${name} `);
  return { filename: `${name}.fake`, content, sha256: sha256Of(content) };
}

/** The SHA-256 of bytes, in hexadecimal digits. */
export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function isReal(name: string): boolean {
  return models.find((model) => model.name === name)?.engine === 'real';
}

function sentence(name: string): string {
  return ` I am ${name}.`;
}
