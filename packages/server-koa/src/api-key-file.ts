// Reads the API key file.
import { readFile } from 'node:fs/promises';
import { LaminaError, reasonOf, type Scope } from '@lamina/core';
import type { ApiKey } from './options.js';

/**
 * One key per line, optionally followed by its scope, `inference` or `manage`, and by `name=` with the name of the key.
 * `#` begins a comment.
 * @throws LaminaError `CONFIG_INVALID` with the number of the line, never with a key
 */
export async function readApiKeys(path: string): Promise<readonly ApiKey[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new LaminaError(
      'CONFIG_INVALID',
      { message: `The API key file cannot be read: ${reasonOf(error)}.`, file: path },
      { cause: error },
    );
  });
  const keys = text
    .split(/\r?\n/)
    .flatMap((line, index) => readLine(line.replace(/(^|\s)#.*/, '').trim(), path, index + 1));
  if (keys.length === 0)
    throw new LaminaError('CONFIG_INVALID', { message: `The API key file ${path} contains no key.`, file: path });
  return keys;
}

function readLine(line: string, file: string, number: number): ApiKey[] {
  const [key, ...words] = line.split(/\s+/);
  if (key === undefined || key === '') return [];
  let scope: Scope | undefined;
  let name: string | undefined;
  for (const word of words) {
    if (scope === undefined && (word === 'inference' || word === 'manage')) scope = word;
    else if (name === undefined && /^name=./.test(word)) name = word.slice('name='.length);
    else
      throw new LaminaError('CONFIG_INVALID', {
        message: `${file}, line ${number}: only a scope ("inference" or "manage") and "name=<name>" may follow a key, each once.`,
        file,
        line: number,
      });
  }
  return [{ key, ...(scope === undefined ? {} : { scope }), ...(name === undefined ? {} : { name }) }];
}
