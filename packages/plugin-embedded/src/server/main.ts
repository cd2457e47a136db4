// The embedded engine: a process that loads one model with node-llama-cpp and answers on one port, until it is told to
// end.
import { loadEngine } from './engine.js';
import { httpServer } from './http.js';
import { routesOf } from './routes.js';
import { readSettings } from './settings.js';

const settings = readSettings(process.argv.slice(2));
const lastWordsMs = 250;
const key = process.env['LAMINA_ENGINE_KEY'] ?? '';

try {
  if (key === '') throw new Error('LAMINA_ENGINE_KEY is not set; this program is started by Lamina.');
  const engine = await loadEngine(settings);
  const server = httpServer(routesOf(engine), key);
  // What is loaded is the process's alone, and goes with it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
  server.once('error', fail);
  server.listen(settings.port, '127.0.0.1', () => {
    // From now on it is a connection that could not be accepted; the next may be.
    server
      .off('error', fail)
      .on('error', ({ message }) => process.stderr.write(`a connection could not be accepted: ${message}\n`));
    process.stdout.write('progress: ready\n');
  });
} catch (error) {
  fail(error);
}

/**
 * One line, which `explain` reads, behind those of llama.cpp: they come from other threads, and a little later than the
 * error they explain.
 */
function fail(error: unknown): void {
  const { name = 'Error', message = String(error) } = error as Error;
  setTimeout(() => {
    process.stderr.write(`failed: ${name}: ${message.replaceAll('\n', ' ')}\n`);
    process.exit(1);
  }, lastWordsMs);
}
