// Kills the engines of a case when the test runner ends in its middle: by a signal, an exit or an uncaught error.
import type { ProcessWatch } from './processes.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const watches = new Set<ProcessWatch>();

/** Kills what a watch finds when this process ends. Returns a function that ends this duty. */
export function killAtExit(watch: ProcessWatch): () => void {
  if (watches.size === 0) listen();
  watches.add(watch);
  return () => {
    watches.delete(watch);
    if (watches.size === 0) unlisten();
  };
}

function listen(): void {
  process.on('exit', killAll);
  for (const signal of signals) process.on(signal, endBySignal);
}

function unlisten(): void {
  process.off('exit', killAll);
  for (const signal of signals) process.off(signal, endBySignal);
}

function killAll(): void {
  for (const watch of watches) watch.kill();
}

/** Without other listeners, such as those of a test runner, the process ends as it would without this one. */
function endBySignal(signal: NodeJS.Signals): void {
  killAll();
  if (process.listenerCount(signal) > 1) return;
  unlisten();
  process.kill(process.pid, signal);
}
