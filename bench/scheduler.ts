// The time of one decision with many models and many requests that wait for memory: from the arrival of one more
// request, or the release of one, until the runtime has decided; no process runs. The engines are a backend in memory.
// node bench/dist/scheduler.js [models, default 50] [waiting requests, default 500]
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { setMaxListeners } from 'node:events';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina } from '@lamina/core';
import { definePlugin, type ModelServer, type ServerExit } from '@lamina/core/plugin';
import { median } from './median.js';

const rounds = 200;
const modelBytes = 16 * 1024 ** 2;
/** Half of the models fit. */
const [models, waiting] = [Number(process.argv[2] ?? 50), Number(process.argv[3] ?? 500)];
const budget = Math.ceil(models / 2) * modelBytes;

const inMemory = definePlugin({
  name: 'in-memory',
  setup(context) {
    context.addBackend({
      type: 'in-memory',
      formats: ['bench'],
      options: { type: 'object' },
      modelOptions: { type: 'object' },
      lifetime: 'owned',
      create: (name) => ({
        name,
        probe: () => Promise.resolve({ available: true, version: '1' }),
        accepts: () => ({ rank: 0, reason: 'bench' }),
        estimateMemory: () => Promise.resolve({ hostBytes: modelBytes, deviceBytes: {}, contextLength: 1024 }),
        start: () => Promise.resolve(server()),
      }),
    });
  },
});

const directory = await mkdtemp(join(tmpdir(), 'lamina-bench-'));
try {
  await measure();
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const names = Array.from({ length: models }, (_, index) => `m${index}`);
  for (const name of names) await writeFile(join(directory, `${name}.bin`), name);
  const lamina = await createLamina({
    modelsDir: directory,
    manifest: { models: Object.fromEntries(names.map((name) => [name, { path: `${name}.bin`, format: 'bench' }])) },
    log: 'silent',
    limits: {
      memory: budget,
      queueLimit: waiting + 10,
      starvationTimeout: 3600,
      queueTimeout: 3600,
      healthInterval: 0,
    },
    plugins: [inMemory()],
  });
  const { runtime } = lamina;
  const end = new AbortController();
  setMaxListeners(0, end.signal);
  const { signal } = end;
  const running = names.slice(0, models / 2);
  const cold = names.slice(models / 2);
  // Every loaded model is busy, so that all requests for others wait.
  const leases = await Promise.all(running.map((name) => runtime.acquire(name, { signal })));
  const waiters = Array.from({ length: waiting }, (_, index) =>
    runtime.acquire(cold[index % cold.length]!, { signal }).catch(() => undefined),
  );
  await settled();
  const arrivals: number[] = [];
  const releases: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // One more request arrives and leaves.
    const visitor = new AbortController();
    let began = performance.now();
    const more = runtime.acquire(cold[round % cold.length]!, { signal: visitor.signal }).catch(() => undefined);
    await Promise.resolve().then(() => undefined); // The decision is a microtask.
    arrivals.push(performance.now() - began);
    visitor.abort();
    await more;
    await settled();
    began = performance.now();
    const extra = runtime.acquire(running[round % running.length]!, { signal });
    const lease = await extra;
    releases.push(performance.now() - began);
    lease.release();
    await settled();
  }
  const view = runtime.slots();
  console.log(
    `${models} models, ${view.filter(({ state }) => state === 'ready').length} loaded and busy, ${view.reduce((sum, slot) => sum + slot.waiting, 0)} requests waiting; load average ${loadavg()[0]!.toFixed(1)}`,
  );
  console.log(`a request that must wait is decided on in   ${summary(arrivals)}`);
  console.log(`a request for a loaded model is served in   ${summary(releases)}`);
  end.abort();
  await Promise.all(waiters);
  for (const lease of leases) lease.release();
  await lamina.close({ signal: AbortSignal.abort() });
}

function server(): ModelServer {
  let close: (exit: ServerExit) => void = () => undefined;
  const closed = new Promise<ServerExit>((resolve) => (close = resolve));
  return {
    endpoint: () => ({ baseUrl: 'http://127.0.0.1:9/v1' }),
    info: {},
    closed,
    check: () => Promise.resolve('ok'),
    stop: () => {
      close({ code: 0, signal: null, expected: true, reason: 'it was stopped', lastLines: [] });
      return Promise.resolve();
    },
  };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function summary(values: readonly number[]): string {
  return `${median(values).toFixed(2)} ms (median of ${values.length}; at most ${Math.max(...values).toFixed(2)} ms)`;
}
