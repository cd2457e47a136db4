// The CPU time of Lamina with the plugin metrics and without it, per plain request and per event of a stream, in turns
// in front of one fake engine. node bench/dist/metrics.js [rounds]
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { fakeEngine } from '@lamina/testing';
import { Clients, eventsPerStream, type Load } from './gateway-clients.js';
import type { Gateway } from './gateway-peers.js';

const rounds = Number(process.argv[2] ?? 9);

const { executable, args, env } = fakeEngine({ model: 'bench', behaviour: { chunks: eventsPerStream, chunk_ms: 1 } });
const engine = spawn(executable, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
const clients = new Clients();
const servers: Gateway[] = [];
try {
  const engineUrl = await listeningAt(engine);
  for (const name of ['without', 'with']) servers.push(await startServer(name, engineUrl));
  for (const load of clients.loads.slice(0, 2)) await compare(load);
} finally {
  await clients.close();
  for (const { child } of servers) child.disconnect();
  engine.kill();
}

async function compare(load: Load): Promise<void> {
  const costs: Record<string, number[]> = { without: [], with: [] };
  for (const server of servers) await load.run(server);
  for (let round = 0; round < rounds; round++) {
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      const before = await cpuMicroseconds(server);
      await load.run(server);
      costs[server.name]!.push(((await cpuMicroseconds(server)) - before) / load.units);
    }
  }
  const [without, withPlugin] = [median(costs['without']!), median(costs['with']!)];
  const ratio = (withPlugin / without).toFixed(3);
  console.log(
    `${load.unit}: ${without.toFixed(1)} microseconds without, ${withPlugin.toFixed(1)} with the plugin: ${ratio} times`,
  );
}

async function startServer(name: string, engineUrl: string): Promise<Gateway> {
  const child = fork(fileURLToPath(new URL('./metrics-server.js', import.meta.url)), [engineUrl, name]);
  const [url] = (await once(child, 'message')) as [string];
  return { name, url, child };
}

async function cpuMicroseconds({ child }: Gateway): Promise<number> {
  const answered = once(child, 'message');
  child.send('cpu');
  const [{ user, system }] = (await answered) as [NodeJS.CpuUsage];
  return user + system;
}

async function listeningAt({ stdout, stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    for (const stream of [stdout!, stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        const url = /listening on (http:\/\/\S+)/.exec(text)?.[1];
        if (url !== undefined) resolve(url);
      });
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
