// What it costs to go through Lamina: CPU per request and per streamed event, beside nginx and caddy, all before one
// fake engine; and what a chunk costs over a WebSocket, beside the event it comes from. node bench/dist/gateway.js
// [rounds]
import { readdirSync, readFileSync } from 'node:fs';
import { Clients, concurrency, eventsPerStream, type Load } from './gateway-clients.js';
import { Gateways, type Gateway } from './gateway-peers.js';

const rounds = Number(process.argv[2] ?? 5);
const ticksPerSecond = 100;

const gateways = await Gateways.start();
const clients = new Clients();
try {
  await measure(gateways.all);
} finally {
  await clients.close();
  await gateways.stop();
}

/** Measured in turns, so that what else the machine does falls on all. */
async function measure(all: readonly Gateway[]): Promise<void> {
  const results = new Map<string, number[]>();
  for (const gateway of all) for (const load of clients.loads) if (load.serves(gateway)) await load.run(gateway);
  for (let round = 0; round < rounds; round++) {
    for (const gateway of all) {
      for (const load of clients.loads)
        if (load.serves(gateway)) listOf(results, gateway, load).push(await cost(gateway, load));
    }
  }
  print(all, results);
}

function print(all: readonly Gateway[], results: Map<string, number[]>): void {
  console.log(
    `CPU of the gateway, microseconds, median of ${rounds} rounds (least to most); ${concurrency} clients, streams of ${eventsPerStream} events a millisecond apart\n`,
  );
  for (const gateway of all) {
    const figures = clients.loads
      .filter((load) => load.serves(gateway))
      .map((load) => `per ${load.unit} ${shown(listOf(results, gateway, load))}`);
    console.log(`${gateway.name.padEnd(8)} ${figures.join('   ')}`);
  }
  const [lamina, ...peers] = all;
  const [whole, events, chunks] = clients.loads;
  const ratio = (load: Load, peer: Gateway) =>
    (median(listOf(results, lamina!, load)) / median(listOf(results, peer, load))).toFixed(2);
  for (const peer of peers)
    console.log(
      `\nlamina / ${peer.name}: ${ratio(whole!, peer)} per request, ${ratio(events!, peer)} per streamed event`,
    );
  console.log(
    `\nWebSocket chunk / streamed event of lamina: ${(median(listOf(results, lamina!, chunks!)) / median(listOf(results, lamina!, events!))).toFixed(2)}`,
  );
  for (const [name, count] of clients.broken)
    console.log(`\n${name} ended ${count} streams before their end, as if they were whole; they were asked for again`);
}

function listOf(results: Map<string, number[]>, gateway: Gateway, load: Load): number[] {
  const key = `${gateway.name} ${load.unit}`;
  const list = results.get(key) ?? [];
  results.set(key, list);
  return list;
}

/** CPU microseconds per unit that a gateway and its workers used while the load ran. */
async function cost(gateway: Gateway, load: Load): Promise<number> {
  const before = cpuTicks(gateway.child.pid!);
  await load.run(gateway);
  return ((cpuTicks(gateway.child.pid!) - before) / ticksPerSecond / load.units) * 1e6;
}

function cpuTicks(pid: number): number {
  const workers = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && stat(Number(name))?.[1] === String(pid));
  return [pid, ...workers.map(Number)].reduce(
    (sum, one) => sum + Number(stat(one)?.[11] ?? 0) + Number(stat(one)?.[12] ?? 0),
    0,
  );
}

/** The fields of /proc/<pid>/stat after the name: state, parent, … */
function stat(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return undefined;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function shown(values: readonly number[]): string {
  return `${median(values).toFixed(1).padStart(7)} (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;
}
