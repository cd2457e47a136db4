// What one file tells of a model: the header of a GGUF or safetensors file, or a configuration beside weights.
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { reasonOf } from '../../kernel/reason.js';
import { isMapping } from '../manifest/omit-nulls.js';
import { readGguf } from '../gguf.js';
import type { FileFacts } from './file-facts.js';
import { formatOfName } from './format.js';
import { fromGguf, fromMlc, fromTransformers } from './metadata.js';
import { readSafetensors } from './safetensors.js';

const largestConfig = 4 * 1024 * 1024;
const largestTemplate = 1024 * 1024;

/** Reads a file of so many bytes, and waits for the disk; what it contains never throws. */
export function readFacts(path: string, size: number): FileFacts {
  if (basename(path).endsWith('.json')) return readConfig(path);
  if (formatOfName(path) === 'safetensors') return readSafetensors(path, size);
  const { header, broken, foreign, unreadable } = readGguf(path, size);
  if (header === undefined)
    return {
      broken,
      ...(foreign === true ? { wrongFormat: true } : {}),
      ...(unreadable === true ? { unreadable } : {}),
    };
  return { bytesNeeded: header.bytesNeeded, parameters: header.parameters, metadata: fromGguf(header) };
}

function readConfig(path: string): FileFacts {
  try {
    const config = readJson(path);
    if (basename(path) === 'mlc-chat-config.json') return { metadata: fromMlc(config) };
    return { metadata: fromTransformers(config, readChatTemplate(dirname(path))) };
  } catch (error) {
    return error instanceof SyntaxError
      ? { broken: `it is not JSON: ${reasonOf(error)}`, wrongFormat: true }
      : { broken: `it cannot be read: ${reasonOf(error)}`, unreadable: true };
  }
}

/** A template of its own file wins over the one in tokenizer_config.json, as in the transformers library. */
function readChatTemplate(directory: string): string | undefined {
  const own = orNothing(() => readText(join(directory, 'chat_template.jinja'), largestTemplate));
  if (own !== undefined) return own;
  const template = orNothing(() => readJson(join(directory, 'tokenizer_config.json')))?.['chat_template'];
  return typeof template === 'string' ? template : undefined;
}

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function readJson(path: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(readText(path, largestConfig));
  if (!isMapping(value)) throw new Error('it is not a JSON object');
  return value;
}

function readText(path: string, largest: number): string {
  const { size } = statSync(path);
  if (size > largest) throw new Error(`it has ${size} bytes, at most ${largest} are read`);
  return readFileSync(path, 'utf8');
}
