// A server for the soak test and the benchmark of swaps, with fake engines. It answers each message with what the
// process holds. node --expose-gc bench/dist/swap-server.js <models> <at most so many loaded> <load time in ms>
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { metrics } from '@lamina/plugin-metrics';
import { createServer } from '@lamina/server-koa';
import { createTestLamina, fakePlugin } from '@lamina/testing';

/** What a process holds: memory in bytes, and counts. */
export interface Held {
  readonly heap: number;
  readonly rss: number;
  readonly resources: number;
  readonly descriptors: number;
}

const [models = 2, maxLoaded = 1, load_ms = 0] = process.argv.slice(2).map(Number);
const names = Array.from({ length: models }, (_, index) => `m${index}`);
const lamina = await createTestLamina({
  limits: { maxLoaded, idleTimeout: 0 },
  plugins: [fakePlugin({ behaviour: { load_ms } }), metrics()],
  files: { 'model.fake': 'a fake model' },
  manifest: { models: Object.fromEntries(names.map((name) => [name, { path: 'model.fake' }])) },
});
const server = createServer(lamina, { port: 0 });
process.on('message', () => void held().then((answer) => process.send!(answer)));
process.once('disconnect', () => void server.close().then(() => lamina.close()));
process.send!(await server.listen());

async function held(): Promise<Held> {
  await setTimeout(1_000); // Connections and engines that end have ended.
  for (let times = 0; times < 3; times++) {
    gc!();
    await setTimeout(50); // Finalizers run.
  }
  const { heapUsed: heap, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo().length;
  return { heap, rss, resources, descriptors: readdirSync('/proc/self/fd').length };
}
