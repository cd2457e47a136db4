// Runs a server from its command line to its end: starts it, prints its URL, and shuts down on a signal. The commands
// `lamina serve` and `lamina-server` are this function.
import { setTimeout as after } from 'node:timers/promises';
import { styleOf, type CommandLocation, type OutputStream } from '@lamina/config';
import { createLamina, reasonOf, type Lamina, type Logger } from '@lamina/core';
import { listBackends, logBackends } from './backend-log.js';
import { banner, enginesRow } from './banner.js';
import { readStartOptions, type StartOptions } from './configuration.js';
import { counted } from './counted.js';
import { endOnFault, type FaultHandler } from './fault.js';
import { createServer, type Server } from './server.js';

/** How long responses may take to reach their clients after all engines have ended, in milliseconds. */
const flushMs = 500;

/** What a server is started with. */
export interface ServeOptions {
  /** The command, whose project has the plugins. */
  readonly command: CommandLocation;
  /** The flags that were given, by the names commander gives them. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Its URL is written here; on a terminal, also what it serves. */
  readonly stdout: OutputStream;
  /** The first signal to stop, which shuts down gracefully. */
  readonly orderly: AbortSignal;
  /** The second one, which stops at once. */
  readonly atOnce: AbortSignal;
  /** Takes what to do for each signal to reload. */
  onReload(run: () => void): void;
}

/**
 * Serves until it is stopped. An uncaught exception ends the process.
 * @throws LaminaError what `readStartOptions`, `createLamina` and `listen` throw
 */
export async function serve(options: ServeOptions): Promise<void> {
  const fault = endOnFault();
  try {
    await run(options, fault);
  } finally {
    fault.end();
  }
}

async function run(options: ServeOptions, fault: FaultHandler): Promise<void> {
  const { stdout, orderly, atOnce } = options;
  const isTerminal = stdout.isTTY === true;
  // On a terminal the banner says what the log would.
  const start = await readStartOptions(options, isTerminal ? 'warn' : 'info');
  const lamina = await createLamina(start.lamina, orderly);
  const { log } = lamina;
  fault.log = log;
  try {
    logPlugins(start, log);
    const server = createServer(lamina, start.server);
    const url = await server.listen();
    const style = styleOf(stdout, options.env);
    stdout.write(`${isTerminal ? banner({ ...start, lamina, url }, style) : `Lamina listens on ${url}`}\n`);
    log.info({ event: 'server.listening', url, pid: process.pid }, `Serving on ${url} (process ${process.pid})`);
    options.onReload(() => void reload(start, lamina));
    const listed = listBackends(lamina, orderly).then((records) => {
      if (records === undefined) return;
      logBackends(records, lamina);
      if (isTerminal) stdout.write(`${enginesRow(records, style)}\n\n  ${style.dim('Press Ctrl-C to stop')}\n\n`);
    });
    await aborted(orderly);
    const again = orderly.reason === 'SIGINT' ? 'Press Ctrl-C again' : 'Send the signal again';
    const stopping = `Stopping${stillRunning(lamina)}. ${again} to stop at once.`;
    if (isTerminal) stdout.write(`\n${stopping}\n`);
    log.info({ event: 'server.stopping' }, stopping);
    await shutDown(server, lamina, atOnce);
    await listed;
    log.info({ event: 'server.stopped' }, 'Lamina has stopped');
  } finally {
    await lamina.close({ signal: atOnce });
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
  const parts = [
    ...(requests === 0 ? [] : [counted(requests, 'request')]),
    ...(active === 0 ? [] : [counted(active, 'download')]),
  ];
  return parts.length === 0 ? '' : `: ${parts.join(' and ')} still running`;
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
