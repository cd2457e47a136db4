// Runs the work of one command: opens the library that the options select, prints the result, closes the library.
import { readFile } from 'node:fs/promises';
import { isHeaderToken, LaminaError, reasonOf } from '@lamina/core/protocol';
import type { CliIo } from './cli-io.js';
import type { CommandContext } from './command-context.js';
import type { Library } from './library.js';
import type { LaminaOpening, OpenedLamina } from './local-lamina.js';
import { openWhenFree, type Meanwhile } from './open-when-free.js';
import type { CommandResult, Printer } from './printer.js';
import { counted } from './table.js';

/** The options that every command has: those below, and the flags of settings. */
export interface GlobalOptions {
  readonly [flag: string]: unknown;
  readonly server?: string;
  readonly apiKeyFile?: string;
  readonly json?: boolean;
}

/** Runs the work of one command. */
export interface Session {
  /** The exit code of the work. */
  readonly code: number;
  readonly io: CliIo;
  /** Opens the library, runs the work and prints its result. */
  run(options: GlobalOptions, work: Work, how?: HowToRun): Promise<void>;
  /**
   * Opens a Lamina in this process, for work that needs more than a library. The caller closes it. `showsPlugins`: the
   * work itself shows which plugins are not loaded.
   */
  open(
    options: GlobalOptions,
    mode: 'owner' | 'attached',
    how?: { readonly showsPlugins?: boolean },
  ): Promise<OpenedLamina>;
  /** Prints a result, if there is one. */
  print(result: CommandResult | void): void;
}

/** The work of a command. */
export type Work = (context: CommandContext) => Promise<CommandResult>;

/** How the work of a command runs. */
export interface HowToRun {
  /** The work downloads, which one Lamina at a time may do. */
  readonly owner?: boolean;
  /** For an owner: what to do while another command owns the data directory; without it, the command fails. */
  readonly meanwhile?: Meanwhile;
  /** The work itself shows what is wrong in the manifest. */
  readonly showsDiagnostics?: boolean;
}

/** Creates the session of one command. */
export function createSession(io: CliIo, printer: Printer): Session {
  let code = 0;
  const opening = { ...io, notice: (text: string) => void (printer.json || printer.notice(text)) };
  const open = (options: GlobalOptions, owner: boolean) => openLibrary(options, opening, owner);
  const print = (result: CommandResult | void): void => {
    if (result === undefined) return;
    printer.result(result);
    code = result.code ?? 0;
  };
  const runWith = async (library: Library, work: Work, showsDiagnostics: boolean): Promise<CommandResult> => {
    try {
      if (!printer.json && !showsDiagnostics) await noticeDiagnostics(library, printer);
      return await work({ library, io, printer });
    } finally {
      await library.close();
    }
  };
  return {
    get code() {
      return code;
    },
    io,
    async run(options, work, { owner = false, meanwhile, showsDiagnostics = false } = {}) {
      const opened =
        meanwhile === undefined
          ? await open(options, owner)
          : await openWhenFree((isOwner) => open(options, isOwner), { io, printer }, meanwhile);
      const result = 'text' in opened ? opened : await runWith(opened, work, showsDiagnostics);
      print(result);
    },
    async open(options, mode, { showsPlugins = false } = {}) {
      const { openLamina } = await import('./local-lamina.js');
      return openLamina(options, mode, showsPlugins ? { ...opening, notice: () => undefined } : opening);
    },
    print,
  };
}

async function noticeDiagnostics(library: Library, printer: Printer): Promise<void> {
  const count = await library.diagnosticsCount();
  if (count > 0)
    printer.notice(`The manifest and the model files have ${counted(count, 'problem')}: run "lamina validate".`);
}

// Each library is loaded only when it is used: help needs neither, and loading all of core takes most of a second.
async function openLibrary(options: GlobalOptions, opening: LaminaOpening, owner: boolean): Promise<Library> {
  const { env, signal } = opening;
  const { server, apiKeyFile } = options;
  if (server === undefined) {
    const { openLocal } = await import('./local-library.js');
    return openLocal(options, owner, opening);
  }
  const { openServer } = await import('./server-library.js');
  const key = apiKeyFile === undefined ? env['LAMINA_API_KEY'] || undefined : await readKey(apiKeyFile);
  if (key === undefined || isHeaderToken(key)) return openServer(server, key, signal);
  const from = apiKeyFile === undefined ? 'The environment variable LAMINA_API_KEY' : `The key in ${apiKeyFile}`;
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
