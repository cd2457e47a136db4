// What a swap costs: the time to the first byte of a model that takes the place of another, less the time in which the
// same engine stops and loads without Lamina; and when the last of 64 requests for a cold model is answered.
// node bench/dist/swaps.js [rounds, default 9]
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { fakeEngine } from '@lamina/testing';
import { Agent, request } from 'undici';
import { median } from './median.js';
import { printed } from './printed.js';

const rounds = Number(process.argv[2] ?? 9);
const loadTimes = [0, 200, 1_000];
const burst = 64;
const burstLoadMs = 1_000;

const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
try {
  for (const loadMs of loadTimes) await withServer([2, 1, loadMs], (url) => measureSwaps(url, loadMs));
  await withServer([rounds, rounds, burstLoadMs], measureBursts);
  console.log(`medians of ${rounds} rounds; load average ${loadavg()[0]!.toFixed(1)}`);
} finally {
  await agent.close();
}

/** Measures with a server of so many models, so many of which may be loaded, with engines that load for so long. */
async function withServer(args: readonly number[], measure: (url: string) => Promise<void>): Promise<void> {
  const file = fileURLToPath(new URL('./swap-server.js', import.meta.url));
  const server = fork(file, args.map(String), { execArgv: ['--expose-gc'] });
  try {
    const [url] = (await once(server, 'message')) as [string];
    await measure(url);
  } finally {
    const exited = once(server, 'exit');
    server.disconnect();
    await exited;
  }
}

async function measureSwaps(url: string, loadMs: number): Promise<void> {
  for (const model of ['m0', 'm1']) await firstByte(url, model); // Nothing is compiled or loaded afterwards.
  const swaps: number[] = [];
  const engines: number[] = [];
  for (let round = 0; round < rounds; round++) {
    swaps.push(await firstByte(url, `m${round % 2}`));
    engines.push(await stopAndLoad(loadMs));
  }
  const [swap, engine] = [median(swaps), median(engines)];
  const added = median(swaps.map((time, round) => time - engines[round]!));
  console.log(
    `a swap with a load time of ${loadMs} ms: first byte after ${swap.toFixed(0)} ms; the engine alone stops and loads in ${engine.toFixed(0)} ms; Lamina adds ${added.toFixed(0)} ms`,
  );
}

/** The time in which an engine ends and another one becomes ready, in milliseconds. */
async function stopAndLoad(loadMs: number): Promise<number> {
  const first = await startEngine(loadMs);
  const began = performance.now();
  await stopEngine(first);
  const stopped = performance.now() - began;
  return stopped + (await load(loadMs));
}

/** The time until an engine is ready, in milliseconds. */
async function load(loadMs: number): Promise<number> {
  const began = performance.now();
  const engine = await startEngine(loadMs);
  const time = performance.now() - began;
  await stopEngine(engine);
  return time;
}

async function startEngine(loadMs: number): Promise<ChildProcess> {
  const { executable, args, env } = fakeEngine({ model: 'bench', behaviour: { load_ms: loadMs } });
  const engine = spawn(executable, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  await printed(engine, /listening on/);
  return engine;
}

async function stopEngine(engine: ChildProcess): Promise<void> {
  const exited = once(engine, 'exit');
  engine.kill();
  await exited;
}

/** Each round has a model of its own, which is not loaded before. */
async function measureBursts(url: string): Promise<void> {
  const times: number[] = [];
  const engines: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const requests = Array.from({ length: burst }, () => firstByte(url, `m${round}`));
    times.push(Math.max(...(await Promise.all(requests))));
    engines.push(await load(burstLoadMs));
  }
  const starts = await loadsSoFar(url);
  console.log(
    `${burst} requests for a cold model with a load time of ${burstLoadMs} ms: the first byte of the last answer after ${median(times).toFixed(0)} ms; starts per model: ${(starts / rounds).toFixed(2)}; the engine alone loads in ${median(engines).toFixed(0)} ms`,
  );
}

async function loadsSoFar(url: string): Promise<number> {
  const { body } = await request(`${url}/metrics`, { dispatcher: agent });
  const counts = (await body.text()).matchAll(/^lamina_load_seconds_count\S* (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The time to the first byte of a streamed answer, which is then read to its end, in milliseconds. */
async function firstByte(url: string, model: string): Promise<number> {
  const began = performance.now();
  const { statusCode, body } = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello.' }] }),
    dispatcher: agent,
  });
  if (statusCode !== 200) throw new Error(`${model}: ${statusCode} ${await body.text()}`);
  let time: number | undefined;
  for await (const _bytes of body) time ??= performance.now() - began;
  return time!;
}
