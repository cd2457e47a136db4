// Runs the work of one command: opens what it works with, prints the result, and closes what was opened.
import type { LaminaClient } from '@lamina/client';
import { LaminaError } from '@lamina/core/protocol';
import type { CliIo } from './cli-io.js';
import type { CommandContext } from './command-context.js';
import type { GlobalOptions } from './global-options.js';
import type { Library } from './library.js';
import type { OpenedLamina } from './local-lamina.js';
import { openWhenFree, type Meanwhile } from './open-when-free.js';
import type { CommandResult, Printer } from './printer.js';
import { locateServer, type ServerLocation } from './server-location.js';
import { StatusLine } from './status-line.js';
import { counted } from './table.js';

/** Runs the work of one command. */
export interface Session {
  /** The exit code of the work. */
  readonly code: number;
  readonly io: CliIo;
  readonly printer: Printer;
  /**
   * Opens the library of the server that runs, or else of this machine, runs the work and prints its result.
   */
  run(options: GlobalOptions, work: Work, how?: HowToRun): Promise<void>;
  /** Connects to the server that runs, runs the work and prints its result. */
  connect(options: GlobalOptions, work: ClientWork, how?: HowToConnect): Promise<void>;
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

/** The work of a command that needs a running server. */
export type ClientWork = (context: ClientContext) => Promise<CommandResult | void>;

/** What the work of a command uses that needs a running server. */
export interface ClientContext {
  readonly client: LaminaClient;
  /** The address of the server, without a trailing slash. */
  readonly url: string;
  readonly io: CliIo;
  readonly printer: Printer;
}

/** How the work of a command runs. */
export interface HowToRun {
  /** The work is about files of this machine, and no server can do it. */
  readonly here?: boolean;
  /** The work downloads, which one Lamina at a time may do. */
  readonly owner?: boolean;
  /** For an owner: what to do while another command owns the data directory; without it, the command fails. */
  readonly meanwhile?: Meanwhile;
  /** The work itself shows what is wrong in the manifest. */
  readonly showsDiagnostics?: boolean;
  /** What a terminal shows while the result is waited for; work that downloads shows its own progress. */
  readonly waitsFor?: string;
}

/** How a command gets its server. */
export interface HowToConnect {
  /** Without a server, one is started in this process for the time of the command; otherwise the command fails. */
  readonly starts?: boolean;
}

/** Creates the session of one command. */
export function createSession(io: CliIo, printer: Printer): Session {
  let code = 0;
  const opening = { ...io, notice: (text: string) => void (printer.json || printer.notice(text)) };
  const print = (result: CommandResult | void): void => {
    if (result === undefined) return;
    printer.result(result);
    code = result.code ?? 0;
  };
  const locate = async (options: GlobalOptions): Promise<ServerLocation | undefined> => {
    const server = await locateServer(options, io);
    if (server?.isFound === true && io.stderr.isTTY === true && !printer.json)
      printer.notice(printer.errorStyle.dim(`Using the server at ${server.url}`));
    return server;
  };
  // Each library is loaded only when it is used: loading all of core takes most of a second.
  const openLibrary = async (options: GlobalOptions, { here, owner, meanwhile }: HowToRun) => {
    const server = here === true && options.server === undefined ? undefined : await locate(options);
    if (server !== undefined) {
      const { openServer } = await import('./server-library.js');
      return openServer(server, io.signal);
    }
    const { openLocal } = await import('./local-library.js');
    const open = (isOwner: boolean) => openLocal(options, isOwner, opening);
    return meanwhile === undefined ? open(owner === true) : openWhenFree(open, { io, printer }, meanwhile);
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
    printer,
    async run(options, work, how = {}) {
      const status = new StatusLine(io.stderr, printer);
      if (how.owner !== true) status.show(how.waitsFor ?? 'Reading models');
      try {
        const opened = await openLibrary(options, how);
        print('text' in opened ? opened : await runWith(opened, work, how.showsDiagnostics === true));
      } finally {
        status.clear();
      }
    },
    async connect(options, work, { starts = false } = {}) {
      const server = await locate(options);
      if (server === undefined && !starts) throw noServerError();
      const { openRunning, startServer, toLaminaError } = await import('./server-session.js');
      const opened = server === undefined ? await startServer(options, opening) : await openRunning(server, io.signal);
      try {
        print(await work({ client: opened.client, url: opened.url, io, printer }));
      } catch (error) {
        throw toLaminaError(error, opened.url);
      } finally {
        await opened.close();
      }
    },
    async open(options, mode, { showsPlugins = false } = {}) {
      const { openLamina } = await import('./local-lamina.js');
      return openLamina(options, mode, showsPlugins ? { ...opening, notice: () => undefined } : opening);
    },
    print,
  };
}

function noServerError(): LaminaError {
  return new LaminaError('NOT_SUPPORTED', {
    message: 'No server runs. Start one with "lamina serve", or name one of another machine with --server <url>.',
  });
}

async function noticeDiagnostics(library: Library, printer: Printer): Promise<void> {
  const count = await library.diagnosticsCount();
  if (count > 0)
    printer.notice(`The manifest and the model files have ${counted(count, 'problem')}: run "lamina validate".`);
}
