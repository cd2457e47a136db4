// Reads the API key file.
import { readFile } from 'node:fs/promises';
import { LaminaError, reasonOf } from '@lamina/core';
import type { ApiKey } from './options.js';

/**
 * One key per line, optionally followed by its scope, `inference` or `manage`. `#` begins a comment.
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
  const [key, scope, ...rest] = line.split(/\s+/);
  if (key === undefined || key === '') return [];
  if (scope === undefined) return [{ key }];
  if ((scope === 'inference' || scope === 'manage') && rest.length === 0) return [{ key, scope }];
  throw new LaminaError('CONFIG_INVALID', {
    message: `${file}, line ${number}: only "inference" or "manage" may follow a key.`,
    file,
    line: number,
  });
}
