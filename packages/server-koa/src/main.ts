// The lamina-server command: reads its arguments, serves until a signal.
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import { endOnFault } from './fault.js';
import { readCommandLine } from './command-line.js';
import type { Stop } from './serve.js';

async function main(): Promise<number> {
  const line = readCommandLine(process.argv.slice(2));
  if (typeof line === 'number') return line;
  const stop = onSignals();
  const fault = endOnFault();
  try {
    const { serve } = await import('./serve.js'); // All of Lamina: help, and a slip on the command line, need none of it.
    await serve(line, process.env, stop, fault);
  } catch (error) {
    if (stop.orderly.aborted) return 0;
    process.stderr.write(`lamina-server: ${LaminaError.is(error) ? error.message : reasonOf(error)}\n`);
    return 1;
  }
  return 0;
}

function onSignals(): Stop {
  const orderly = new AbortController();
  const atOnce = new AbortController();
  const stop = (signal: NodeJS.Signals): void => (orderly.signal.aborted ? atOnce : orderly).abort(signal);
  process.on('SIGTERM', stop).on('SIGINT', stop);
  return { orderly: orderly.signal, atOnce: atOnce.signal };
}

// Everything of Lamina is closed by now; what a plugin may have left behind must not keep the process.
process.exit(await main());
