// The lamina-server command: parses its arguments and serves until a signal.
import { isatty } from 'node:tty';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import { readCommandLine } from './command-line.js';
import type { ServeOptions } from './serve.js';

async function main(): Promise<number> {
  const line = readCommandLine(process.argv.slice(2));
  if (typeof line === 'number') return line;
  const signals = onSignals();
  try {
    const { serve } = await import('./serve.js'); // Loaded late, because help and usage errors do not need it.
    const command = { package: '@lamina/server-koa', path: process.argv[1]! };
    await serve({ command, flags: line, env: process.env, stdout: process.stdout, ...signals });
  } catch (error) {
    if (signals.orderly.aborted) return 0;
    process.stderr.write(`lamina-server: ${LaminaError.is(error) ? error.message : reasonOf(error)}\n`);
    return 1;
  }
  return 0;
}

function onSignals(): Pick<ServeOptions, 'orderly' | 'atOnce' | 'onReload'> {
  const orderly = new AbortController();
  const atOnce = new AbortController();
  const stop = (signal: NodeJS.Signals): void => (orderly.signal.aborted ? atOnce : orderly).abort(signal);
  process.on('SIGTERM', stop).on('SIGINT', stop);
  let reload = (): void => undefined;
  // A terminal that is closed sends it as well, and that ends the process, as without a listener.
  if (!isatty(0)) process.on('SIGHUP', () => reload());
  return { orderly: orderly.signal, atOnce: atOnce.signal, onReload: (run) => (reload = run) };
}

// Lamina is closed; open handles of a plugin must not keep the process alive.
process.exit(await main());
