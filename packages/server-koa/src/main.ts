// The lamina-server command: start, say where, end everything on a signal.
import { setTimeout as after } from 'node:timers/promises';
import { LaminaError, createLamina, reasonOf, type Lamina } from '@lamina/core';
import { readCommandLine, type CommandLine } from './command-line.js';
import { readConfiguration } from './configuration.js';
import { createServer, type Server } from './server.js';

/** How long answers that are on their way have to reach their clients after all engines are gone. */
const flushMs = 500;

/** The first signal asks for an orderly end, the second for an end at once. */
interface Stop {
  readonly orderly: AbortSignal;
  readonly atOnce: AbortSignal;
}

async function main(): Promise<number> {
  const line = readCommandLine(process.argv.slice(2));
  if (typeof line === 'number') return line;
  const stop = onSignals();
  try {
    await serve(line, stop);
  } catch (error) {
    if (stop.orderly.aborted) return 0;
    process.stderr.write(`lamina-server: ${LaminaError.is(error) ? error.message : reasonOf(error)}\n`);
    return 1;
  }
  return 0;
}

async function serve(line: CommandLine, stop: Stop): Promise<void> {
  const configuration = await readConfiguration(line, process.env);
  const lamina = await createLamina(configuration.lamina, stop.orderly);
  try {
    const server = createServer(lamina, configuration.server);
    process.stdout.write(`Lamina listens on ${await server.listen()}\n`);
    await aborted(stop.orderly);
    await shutDown(server, lamina, stop.atOnce);
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

function onSignals(): Stop {
  const orderly = new AbortController();
  const atOnce = new AbortController();
  const stop = (): void => (orderly.signal.aborted ? atOnce : orderly).abort();
  process.on('SIGTERM', stop).on('SIGINT', stop);
  return { orderly: orderly.signal, atOnce: atOnce.signal };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

// Everything of Lamina is closed by now; what a plugin may have left behind must not keep the process.
process.exit(await main());
