// Which server a command is sent to: the one that --server names, or the one that owns the data directory.
import { readFile } from 'node:fs/promises';
import { isHeaderToken, LaminaError, reasonOf } from '@lamina/core/protocol';
import type { CliIo } from './cli-io.js';
import { configurationOf } from './configuration-of.js';
import type { GlobalOptions } from './global-options.js';

/** A server and the key for it. */
export interface ServerLocation {
  /** Without a trailing slash. */
  readonly url: string;
  readonly key: string | undefined;
  /** Whether it was found by its data directory. */
  readonly isFound: boolean;
}

/** Options that only a Lamina in this process obeys: with one of them, no server is looked for. */
const ownOptions = ['manifest', 'plugin'];

/**
 * The server that the options name or that runs for their data directory, if there is one.
 * @throws LaminaError `CONFIG_INVALID` for a configuration or a key that cannot be used
 */
export async function locateServer(
  options: GlobalOptions,
  { env, path }: Pick<CliIo, 'env' | 'path'>,
): Promise<ServerLocation | undefined> {
  const { server, apiKeyFile } = options;
  if (server !== undefined) return { url: server, key: await keyFor(apiKeyFile, env), isFound: false };
  if (ownOptions.some((name) => options[name] !== undefined)) return undefined;
  const { lamina } = await configurationOf(options, { env, path });
  const { findServer } = await import('@lamina/core/find-server'); // Help does not need it.
  const url = await findServer({ ...lamina, env });
  return url === undefined ? undefined : { url, key: await keyFor(apiKeyFile, env), isFound: true };
}

/** The key in a file, or in the environment. */
async function keyFor(file: string | undefined, env: CliIo['env']): Promise<string | undefined> {
  const key = file === undefined ? env['LAMINA_API_KEY'] || undefined : await readKey(file);
  if (key === undefined || isHeaderToken(key)) return key;
  const from = file === undefined ? 'The environment variable LAMINA_API_KEY' : `The key in ${file}`;
  throw new LaminaError('CONFIG_INVALID', {
    message: `${from} contains a space, a line break or another character that is not allowed in an API key.`,
  });
}

/** The first key of a file in the format of lamina-server, so that one file works for both. */
async function readKey(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new LaminaError(
      'CONFIG_INVALID',
      { message: `Cannot read the API key file: ${reasonOf(error)}.`, file: path },
      { cause: error },
    );
  });
  const key = /^\s*([^\s#]\S*)/m.exec(text)?.[1];
  if (key === undefined)
    throw new LaminaError('CONFIG_INVALID', {
      message: `The API key file ${path} contains no key. Write one key per line.`,
      file: path,
    });
  return key;
}
