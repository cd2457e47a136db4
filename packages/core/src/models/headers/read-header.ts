// What one file says about a model: the header of a GGUF or safetensors file, or a configuration next to weights.
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { reasonOf } from '../../kernel/reason.js';
import { unlessShortage } from '../../kernel/shortage.js';
import { formatOfName } from '../files/file-names.js';
import { isMapping } from '../../kernel/json.js';
import type { FileHeader } from './file-header.js';
import { readGguf } from './gguf.js';
import { fromGguf, fromMlc, fromTransformers } from './metadata.js';
import { mistakenFile, mistakenText } from './mistaken-file.js';
import { readSafetensors } from './safetensors.js';

const largestConfig = 4 * 1024 * 1024;
const largestTemplate = 1024 * 1024;

/** Reads the header of a file of `size` bytes. Never throws: `broken` says what is wrong. */
export async function readHeader(path: string, size: number): Promise<FileHeader> {
  try {
    if (basename(path).endsWith('.json')) return await readConfig(path);
    const read = formatOfName(path) === 'safetensors' ? readSafetensors : readGgufHeader;
    const file = await open(path, 'r');
    try {
      const header = await read(file, size);
      const mistaken = header.broken === undefined ? undefined : await mistakenFile(file);
      return mistaken === undefined ? header : { broken: mistaken, wrongFormat: true };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { broken: `it cannot be read: ${reasonOf(error)}`, unreadable: true };
  }
}

async function readGgufHeader(file: FileHandle, size: number): Promise<FileHeader> {
  const { header, broken, wrongFormat } = await readGguf(file, size);
  if (header === undefined) return { broken, ...(wrongFormat === true ? { wrongFormat } : {}) };
  return { bytesNeeded: header.bytesNeeded, parameters: header.parameters, metadata: fromGguf(header) };
}

async function readConfig(path: string): Promise<FileHeader> {
  const text = await readText(path, largestConfig);
  const config = parseObject(text);
  if (typeof config === 'string') return { broken: mistakenText(text) ?? config, wrongFormat: true };
  if (basename(path) === 'mlc-chat-config.json') return { metadata: fromMlc(config) };
  return { metadata: fromTransformers(config, await readChatTemplate(dirname(path))) };
}

/** A template in its own file takes precedence over the one in tokenizer_config.json, as in the transformers library. */
async function readChatTemplate(directory: string): Promise<string | undefined> {
  const read = (name: string, largest: number) =>
    readText(join(directory, name), largest).catch(unlessShortage(undefined));
  const own = await read('chat_template.jinja', largestTemplate);
  if (own !== undefined) return own;
  const tokenizer = parseObject((await read('tokenizer_config.json', largestConfig)) ?? '{}');
  const template = typeof tokenizer === 'string' ? undefined : tokenizer['chat_template'];
  return typeof template === 'string' ? template : undefined;
}

/** A JSON object, or why the text is not one. */
function parseObject(text: string): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(text);
    return isMapping(value) ? value : 'it is not a JSON object';
  } catch (error) {
    return `it is not JSON: ${reasonOf(error)}`;
  }
}

async function readText(path: string, largest: number): Promise<string> {
  const { size } = await stat(path);
  if (size > largest) throw new Error(`it has ${size} bytes, at most ${largest} are read`);
  return readFile(path, 'utf8');
}
