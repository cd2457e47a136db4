// The program of the embedded engine: loads one model with node-llama-cpp and serves it on one port until it is stopped.
import { loadEngine } from './engine.js';
import { httpServer } from './http.js';
import { routesOf } from './routes.js';
import { readSettings } from './settings.js';

const settings = readSettings(process.argv.slice(2));
const flushMs = 250;
const key = process.env['LAMINA_ENGINE_KEY'] ?? '';

try {
  if (key === '') throw new Error('LAMINA_ENGINE_KEY is not set; Lamina starts this program.');
  const engine = await loadEngine(settings);
  const server = httpServer(routesOf(engine), key);
  // Everything it loads belongs to the process, so exiting is enough.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
  server.once('error', fail);
  server.listen(settings.port, '127.0.0.1', () => {
    // From now on errors are about single connections.
    server
      .off('error', fail)
      .on('error', ({ message }) => process.stderr.write(`a connection could not be accepted: ${message}\n`));
    process.stdout.write('progress: ready\n');
  });
} catch (error) {
  fail(error);
}

/**
 * Prints the line that `explain` reads. It waits for the lines of llama.cpp, which come from other threads a little after
 * the error.
 */
function fail(error: unknown): void {
  const { name = 'Error', message = String(error) } = error as Error;
  setTimeout(() => {
    process.stderr.write(`failed: ${name}: ${message.replaceAll('\n', ' ')}\n`);
    process.exit(1);
  }, flushMs);
}
