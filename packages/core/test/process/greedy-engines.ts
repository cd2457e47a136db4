// A Lamina in a process of its own whose engines take memory until the system kills them: one while it loads, one while
// it serves. Prints what Lamina says of them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, LaminaError, tokens, type SlotSnapshot } from '@lamina/core';
import { definePlugin, processBackend } from '@lamina/core/plugin';
import { SharedMemory } from '../runtime/shared-memory.js';

export const greedyEnginesFile = new URL('./greedy-engines.js', import.meta.url).pathname;

/** What an engine is estimated to need, in bytes. */
export const estimatedBytes = 50_000_000;
const memoryBytes = 4 * estimatedBytes;

/** What was said. */
export interface GreedyEngines {
  /** The error of the start, and the state after it. */
  readonly loading: { readonly code: string; readonly outOfMemory: unknown; readonly slot: SlotSnapshot };
  /** The error of the request in progress, the state after it, and the one of the next start. */
  readonly serving: { readonly code: string; readonly slot: SlotSnapshot; readonly next: SlotSnapshot };
}

const engine = `
const http = require('node:http');
const [port, key, when] = [Number(process.argv[1]), process.env.ENGINE_KEY, process.argv[2]];
const taken = [];
const take = () => setInterval(() => taken.push(Buffer.alloc(8 * 1024 * 1024, 1)), 5);
if (when === 'loading') take();
else {
  process.on('SIGUSR2', take);
  http.createServer((request, response) =>
    response.writeHead(request.headers.authorization === 'Bearer ' + key ? 200 : 401).end('{}')).listen(port, '127.0.0.1');
}
`;

const greedy = definePlugin({
  name: 'greedy',
  setup: (lamina) =>
    lamina.addBackend(
      processBackend({
        type: 'greedy',
        formats: ['greedy'],
        executable: process.execPath,
        version: false,
        estimateMemory: () => Promise.resolve({ hostBytes: estimatedBytes, deviceBytes: {}, contextLength: 1 }),
        command: ({ model, port, key }) => ({
          args: ['-e', engine, String(port), model.name],
          env: { ENGINE_KEY: key },
        }),
      }),
    ),
});

async function main(): Promise<GreedyEngines> {
  const folder = await mkdtemp(join(tmpdir(), 'lamina-greedy-'));
  const names = ['loading', 'serving'];
  for (const name of names) await writeFile(join(folder, name), 'a model');
  const lamina = await createLamina({
    modelsDir: folder,
    manifest: { models: Object.fromEntries(names.map((name) => [name, { path: name, format: 'greedy' }])) },
    plugins: [greedy()],
    log: 'silent',
    // Engines are not measured: what they took shortly before their end can be more than the machine has.
    configure: (container) => void container.rebind(tokens.SystemMemory).toConstantValue(new SharedMemory(memoryBytes)),
    limits: { memory: memoryBytes },
  });
  const { runtime } = lamina;
  const { signal } = new AbortController();
  try {
    const error = await runtime.load('loading', { signal }).then(() => undefined, LaminaError.from);
    const loading = {
      code: error?.code ?? 'none',
      outOfMemory: error?.details['out_of_memory'],
      slot: runtime.slot('loading'),
    };
    const lease = await runtime.acquire('serving', { signal });
    const failed = lamina.events.once('model.failed', { signal });
    process.kill(runtime.slot('serving').pid!, 'SIGUSR2');
    await failed;
    lease.release();
    const { code } = LaminaError.from(lease.signal.reason);
    const slot = runtime.slot('serving');
    const next = await runtime.load('serving', { signal });
    return { loading, serving: { code, slot, next } };
  } finally {
    await lamina.close({ signal: AbortSignal.abort() });
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === greedyEnginesFile) console.log(JSON.stringify(await main()));
