// A server for the benchmark of plugins: node bench/dist/plugins-server.js <engine> <variant>
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Plugin } from '@lamina/core';
import { anthropicApi } from '@lamina/plugin-anthropic-api';
import { guard } from '@lamina/plugin-guard';
import { metrics } from '@lamina/plugin-metrics';
import { ollamaApi } from '@lamina/plugin-ollama-api';
import { responsesApi } from '@lamina/plugin-responses-api';
import { createServer } from '@lamina/server-koa';

const variants: Readonly<Record<string, () => readonly Plugin[]>> = {
  none: () => [],
  metrics: () => [metrics()],
  guard: () => [guard({ redact: [{ pattern: 'sk-[A-Za-z0-9]{20,}' }] })],
  apis: () => [ollamaApi(), anthropicApi({ translate: 'always' }), responsesApi()],
};

const [engine = '', variant = 'none'] = process.argv.slice(2);
const modelsDir = await mkdtemp(join(tmpdir(), 'lamina-bench-'));
const lamina = await createLamina({
  modelsDir,
  log: 'silent',
  plugins: variants[variant]!(),
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
