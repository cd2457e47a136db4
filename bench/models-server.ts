// The server that bench/models.ts measures: says when it listens, does what it is told, and tells how late its event
// loop was meanwhile.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLamina, type Lamina } from '@lamina/core';
import { createServer } from '@lamina/server-koa';

/** What it can be told. */
export type Command = 'validate' | 'suggest' | 'changed' | 'idle' | 'stop';

/** What it answers. */
export interface Measured {
  /** Negative: it cannot do that. */
  readonly ms: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly memoryBytes: number;
}

const place = process.argv[2]!;
const lamina = await createLamina({ modelsDir: place, manifest: `${place}/models.yaml`, log: 'error' });
const server = createServer(lamina, { port: 0 });
const url = await server.listen();
const { user, system } = process.cpuUsage();
process.send!({ url, startMs: performance.now(), cpuMs: (user + system) / 1000 });

const resolution = 5;
const delay = monitorEventLoopDelay({ resolution });
delay.enable();

process.on('message', (command: Command) => void obey(command));

async function obey(command: Command): Promise<void> {
  if (command === 'stop') {
    await server.close();
    await lamina.close();
    process.disconnect();
    return;
  }
  if (command !== 'idle') delay.reset();
  const began = performance.now();
  const done = await work(command);
  const ms = done ? performance.now() - began : -1;
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution);
  process.send!({
    ms,
    loopP99Ms: late(delay.percentile(99)),
    loopMaxMs: late(delay.max),
    memoryBytes: process.memoryUsage().rss,
  } satisfies Measured);
  delay.reset();
}

async function work(command: Command): Promise<boolean> {
  if (command === 'validate') await lamina.models.validate();
  if (command === 'changed') await lamina.events.once('manifest.changed', { signal: AbortSignal.timeout(60_000) });
  if (command !== 'suggest') return true;
  const { suggestions } = lamina as Lamina & { suggestions?: { suggest(request: object): Promise<unknown> } };
  await suggestions?.suggest({ use_case: 'conversational' });
  return suggestions !== undefined;
}
