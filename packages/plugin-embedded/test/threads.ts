// Starts the embedded engine once for each given number of threads (0: not set) and prints the maximum number
// of threads of each process during a response: llama.cpp creates them for each step and ends them after it.
import { readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { tinyGguf } from '@lamina/testing';
import { Ground, modelOf, post } from './real-engine.js';

export const threadsFile = new URL('./threads.js', import.meta.url).pathname;

async function main(numbers: readonly number[]): Promise<void> {
  const ground = await Ground.open();
  try {
    const { paths } = await tinyGguf(ground.path('tiny.gguf'), { name: 'tiny' });
    const model = await modelOf(paths[0]);
    const counts: number[] = [];
    for (const threads of numbers) {
      const server = await ground.start(
        model,
        (threads === 0 ? { threads: undefined } : { threads }) as { threads: number },
      );
      const answer = post(server, 'chat/completions', {
        messages: [{ role: 'user', content: '/count' }],
        max_tokens: 2,
      });
      counts.push(await mostThreads(server.pid!, answer));
    }
    console.log(JSON.stringify(counts));
  } finally {
    await ground.close();
  }
}

async function mostThreads(pid: number, work: Promise<unknown>): Promise<number> {
  let most = 0;
  let isDone = false;
  const end = () => (isDone = true);
  work.then(end, end);
  while (!isDone) {
    most = Math.max(most, readdirSync(`/proc/${pid}/task`).length);
    await setImmediate();
  }
  await work;
  return most;
}

if (process.argv[1] === threadsFile) await main(process.argv.slice(2).map(Number));
