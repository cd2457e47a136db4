// Runs a server from its command line to its end: starts it, prints its URL, and shuts down on a signal.
import { setTimeout as after } from 'node:timers/promises';
import { createLamina, type Lamina } from '@lamina/core';
import { logBackends } from './backend-log.js';
import type { CommandLine } from './command-line.js';
import { readConfiguration } from './configuration.js';
import type { FaultLog } from './fault.js';
import { createServer, type Server } from './server.js';

/** How long responses may take to reach their clients after all engines have ended, in milliseconds. */
const flushMs = 500;

/** The first signal shuts down gracefully, the second at once. */
export interface StopSignals {
  readonly orderly: AbortSignal;
  readonly atOnce: AbortSignal;
}

/** Serves until it is stopped. @throws LaminaError what `readConfiguration`, `createLamina` and `listen` throw */
export async function serve(
  line: CommandLine,
  env: Readonly<Record<string, string | undefined>>,
  stop: StopSignals,
  fault: FaultLog,
): Promise<void> {
  const configuration = await readConfiguration(line, env);
  const lamina = await createLamina(configuration.lamina, stop.orderly);
  const { log } = lamina;
  fault.log = log;
  try {
    const server = createServer(lamina, configuration.server);
    const url = await server.listen();
    process.stdout.write(`Lamina listens on ${url}\n`);
    log.info({ event: 'server.listening', url, pid: process.pid }, `Serving on ${url} (process ${process.pid})`);
    const backends = logBackends(lamina, stop.orderly);
    await aborted(stop.orderly);
    log.info(
      { event: 'server.stopping' },
      `Shutting down on ${String(stop.orderly.reason)}; a second signal stops at once`,
    );
    await shutDown(server, lamina, stop.atOnce);
    await backends;
    log.info({ event: 'server.stopped' }, 'Lamina has stopped');
  } finally {
    await lamina.close({ signal: stop.atOnce });
  }
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
