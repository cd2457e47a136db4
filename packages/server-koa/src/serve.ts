// Runs a server from its command line to its end: starts it, prints its URL, and shuts down on a signal.
import { setTimeout as after } from 'node:timers/promises';
import { createLamina, reasonOf, type Lamina, type Logger } from '@lamina/core';
import { logBackends } from './backend-log.js';
import type { CommandLine } from './command-line.js';
import { readStartOptions, type StartOptions } from './configuration.js';
import type { FaultLog } from './fault.js';
import { createServer, type Server } from './server.js';

/** How long responses may take to reach their clients after all engines have ended, in milliseconds. */
const flushMs = 500;

/** The signals of the process. */
export interface Signals {
  /** The first signal to stop shuts down gracefully. */
  readonly orderly: AbortSignal;
  /** The second one stops at once. */
  readonly atOnce: AbortSignal;
  /** Calls `run` for each signal to reload; replaces the last one. */
  onReload(run: () => void): void;
}

/**
 * Serves until it is stopped. `path` is that of the command, whose project has the plugins.
 * @throws LaminaError what `readStartOptions`, `createLamina` and `listen` throw
 */
export async function serve(
  flags: CommandLine,
  env: Readonly<Record<string, string | undefined>>,
  path: string,
  signals: Signals,
  fault: FaultLog,
): Promise<void> {
  const options = await readStartOptions(flags, env, path);
  const lamina = await createLamina(options.lamina, signals.orderly);
  const { log } = lamina;
  fault.log = log;
  try {
    logPlugins(options, log);
    const server = createServer(lamina, options.server);
    const url = await server.listen();
    process.stdout.write(`Lamina listens on ${url}\n`);
    log.info({ event: 'server.listening', url, pid: process.pid }, `Serving on ${url} (process ${process.pid})`);
    signals.onReload(() => void reload(options, lamina));
    const backends = logBackends(lamina, signals.orderly);
    await aborted(signals.orderly);
    const again = signals.orderly.reason === 'SIGINT' ? 'Press Ctrl-C again' : 'Send the signal again';
    log.info({ event: 'server.stopping' }, `Stopping${stillRunning(lamina)}. ${again} to stop at once.`);
    await shutDown(server, lamina, signals.atOnce);
    await backends;
    log.info({ event: 'server.stopped' }, 'Lamina has stopped');
  } finally {
    await lamina.close({ signal: signals.atOnce });
  }
}

/** Logs the plugins that were found and not loaded. */
function logPlugins({ plugins }: StartOptions, log: Logger): void {
  for (const { package: name, problem } of plugins) {
    if (problem === undefined) continue;
    const message = `The plugin ${name} was found but is not loaded: ${problem}`;
    log.warn({ event: 'plugin.not_loaded', package: name, reason: problem }, message);
  }
}

/** Reads the manifest and the API keys again. What cannot be read stays as it was. */
async function reload({ reloadKeys }: StartOptions, { models, log }: Lamina): Promise<void> {
  for (const [name, run] of Object.entries({ manifest: () => models.reload(), 'API keys': reloadKeys })) {
    if (run === undefined) continue;
    try {
      await run();
      log.info({ event: 'server.reloaded', part: name }, `Reloaded the ${name}`);
    } catch (error) {
      log.error(
        { event: 'server.reload-failed', part: name },
        `The ${name} cannot be reloaded, so nothing changed: ${reasonOf(error)}`,
      );
    }
  }
}

/** `: 2 requests and 1 download still running`; empty when nothing is. */
function stillRunning({ runtime, downloads }: Lamina): string {
  const requests = runtime.slots().reduce((sum, { busy, waiting }) => sum + busy + waiting, 0);
  const active = downloads.list().filter(({ state }) => state === 'active').length;
  const parts = [counted(requests, 'request'), counted(active, 'download')].filter((part) => part !== '');
  return parts.length === 0 ? '' : `: ${parts.join(' and ')} still running`;
}

function counted(count: number, noun: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'}`;
}

async function shutDown(server: Server, lamina: Lamina, atOnce: AbortSignal): Promise<void> {
  const cut = new AbortController();
  const closed = server.close({ signal: cut.signal });
  await lamina.close({ signal: atOnce });
  await Promise.race([closed, after(flushMs)]);
  cut.abort();
  await closed;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
