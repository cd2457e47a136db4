// One run of the command: which library its options mean, how it is opened and closed, how the answer is printed.
import { readFile } from 'node:fs/promises';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import type { Library } from './library.js';
import type { LocalOptions } from './local-library.js';
import type { Answer, Printer } from './printer.js';
import { ServerClient } from './server-client.js';
import { ServerLibrary } from './server-library.js';
import type { World } from './world.js';

/** The options that every command takes. */
export interface GlobalOptions extends LocalOptions {
  readonly server?: string;
  readonly apiKeyFile?: string;
  readonly json?: boolean;
}

/** What a command is given. */
export interface Tools {
  readonly library: Library;
  readonly world: World;
  readonly printer: Printer;
}

/** Runs the work of one command. */
export interface Session {
  /** The exit code of what was run. */
  readonly code: number;
  /** Opens the library, as its owner where the work must be, works, prints the answer. */
  run(
    options: GlobalOptions,
    work: (tools: Tools) => Promise<Answer>,
    how?: { readonly owner: boolean },
  ): Promise<void>;
}

/** A session in a world. */
export function createSession(world: World, printer: Printer): Session {
  let code = 0;
  return {
    get code() {
      return code;
    },
    async run(options, work, { owner } = { owner: false }) {
      const library = await open(options, world, owner);
      try {
        const answer = await work({ library, world, printer });
        printer.answer(answer);
        code = answer.code ?? 0;
      } finally {
        await library.close();
      }
    },
  };
}

async function open(options: GlobalOptions, { env, signal }: World, owner: boolean): Promise<Library> {
  const { server, apiKeyFile } = options;
  if (server === undefined) {
    const { openLocal } = await import('./local-library.js'); // All of core: help, and what a server is asked for, need none of it.
    return openLocal(options, { env, owner, signal });
  }
  const key = apiKeyFile === undefined ? env['LAMINA_API_KEY'] || undefined : await readKey(apiKeyFile);
  return new ServerLibrary(new ServerClient(server, key, signal));
}

/** The first key of a file as lamina-server takes it, so that one file serves both. */
async function readKey(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new LaminaError(
      'CONFIG_INVALID',
      { message: `The API key file cannot be read: ${reasonOf(error)}.`, file: path },
      { cause: error },
    );
  });
  const key = /^\s*([^\s#]\S*)/m.exec(text)?.[1];
  if (key === undefined)
    throw new LaminaError('CONFIG_INVALID', { message: `The API key file ${path} holds no key.`, file: path });
  return key;
}
