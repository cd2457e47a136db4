// A server for the benchmark of the plugin metrics: node bench/dist/metrics-server.js <engine> <with|without>
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina } from '@lamina/core';
import { metrics } from '@lamina/plugin-metrics';
import { createServer } from '@lamina/server-koa';

const [engine = '', variant] = process.argv.slice(2);
const modelsDir = await mkdtemp(join(tmpdir(), 'lamina-bench-'));
const lamina = await createLamina({
  modelsDir,
  log: 'silent',
  plugins: variant === 'with' ? [metrics()] : [],
  manifest: {
    backends: { bench: { type: 'remote', base_url: `${engine}/v1` } },
    models: { bench: { path: 'remote', format: 'remote', backend: 'bench' } },
  },
});
const server = createServer(lamina, { port: 0 });
process.on('message', () => process.send!(process.cpuUsage()));
process.once('disconnect', () => void close());
process.send!(await server.listen());

async function close(): Promise<void> {
  await server.close();
  await lamina.close();
  await rm(modelsDir, { recursive: true, force: true });
}
