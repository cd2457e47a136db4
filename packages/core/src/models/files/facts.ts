// What one file tells of a model: the header of a GGUF or safetensors file, or a configuration beside weights.
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { reasonOf } from '../../contract/errors.js';
import type { ModelMetadata } from '../../contract/model.js';
import { isMapping } from '../manifest/nothing.js';
import { readGguf } from '../gguf.js';
import { formatOfName } from './find.js';
import { fromGguf, fromMlc, fromTransformers } from './metadata.js';
import { readSafetensors } from './safetensors.js';

const largestConfig = 4 * 1024 * 1024;
const largestTemplate = 1024 * 1024;

/** What a file tells; plain data, it is kept on disk. */
export interface FileFacts {
  /** Why it tells nothing: a sentence part that begins with "it". */
  readonly broken?: string;
  /** True when the disk, and not what it holds, is the reason; such facts are not kept. */
  readonly unreadable?: boolean;
  /** True when it is not of the format its name says. */
  readonly wrongFormat?: boolean;
  /** Bytes it must have to be whole. */
  readonly bytesNeeded?: number;
  /** Weights in this file. */
  readonly parameters?: number;
  readonly metadata?: ModelMetadata;
}

/** Reads a file; what it contains never throws. @throws the signal's reason */
export async function readFacts(path: string, signal: AbortSignal | undefined): Promise<FileFacts> {
  if (basename(path).endsWith('.json')) return readConfig(path);
  if (formatOfName(path) === 'safetensors') return readSafetensors(path);
  const { header, broken, foreign, unreadable } = await readGguf(path, signal);
  if (header === undefined) return { broken, ...(foreign === true ? { wrongFormat: true } : {}), ...(unreadable === true ? { unreadable } : {}) };
  return { bytesNeeded: header.bytesNeeded, parameters: header.parameters, metadata: fromGguf(header) };
}

async function readConfig(path: string): Promise<FileFacts> {
  try {
    const config = await readJson(path);
    if (basename(path) === 'mlc-chat-config.json') return { metadata: fromMlc(config) };
    return { metadata: fromTransformers(config, await readChatTemplate(dirname(path))) };
  } catch (error) {
    return error instanceof SyntaxError ? { broken: `it is not JSON: ${reasonOf(error)}`, wrongFormat: true } : { broken: `it cannot be read: ${reasonOf(error)}`, unreadable: true };
  }
}

/** A template of its own file wins over the one in tokenizer_config.json, as in the transformers library. */
async function readChatTemplate(directory: string): Promise<string | undefined> {
  const own = await readText(join(directory, 'chat_template.jinja'), largestTemplate).catch(() => undefined);
  if (own !== undefined) return own;
  const config = await readJson(join(directory, 'tokenizer_config.json')).catch(() => undefined);
  const template = config?.['chat_template'];
  return typeof template === 'string' ? template : undefined;
}

async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  const value: unknown = JSON.parse(await readText(path, largestConfig));
  if (!isMapping(value)) throw new Error('it is not a JSON object');
  return value;
}

async function readText(path: string, largest: number): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size > largest) throw new Error(`it has ${size} bytes, at most ${largest} are read`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}
