// The CPU time of a gateway per plain request and per event of a stream: Lamina, a bare relay in Node, nginx
// and caddy in front of one fake engine; and per chunk over a WebSocket. node bench/dist/gateway.js [rounds]
import { readdirSync, readFileSync } from 'node:fs';
import { Clients, concurrency, eventsPerStream, promptLength, type Load } from './gateway-clients.js';
import { Gateways, type Gateway } from './gateway-peers.js';
import { median } from './median.js';

const rounds = Number(process.argv[2] ?? 5);
const ticksPerSecond = 100;

const gateways = await Gateways.start();
const clients = new Clients();
try {
  for (const { name, child } of gateways.all) console.log(`${name}: ${residentMb(child.pid!)} MB of memory, idle`);
  await measure(gateways.all);
} finally {
  await clients.close();
  await gateways.stop();
}

/** Measures the gateways in turns, so that other work of the machine affects all of them. */
async function measure(all: readonly Gateway[]): Promise<void> {
  const results = new Map<string, number[]>();
  for (const gateway of all) for (const load of clients.loads) if (load.isServedBy(gateway)) await load.run(gateway);
  for (let round = 0; round < rounds; round++) {
    for (const gateway of all) {
      for (const load of clients.loads)
        if (load.isServedBy(gateway)) listOf(results, gateway, load).push(await cost(gateway, load));
    }
  }
  print(all, results);
}

function print(all: readonly Gateway[], results: Map<string, number[]>): void {
  console.log(
    `\nCPU of the gateway in microseconds: median of ${rounds} rounds (minimum to maximum). ${concurrency} clients, prompts of ${promptLength} characters, streams of ${eventsPerStream} events one millisecond apart.\n`,
  );
  for (const gateway of all) {
    const figures = clients.loads
      .filter((load) => load.isServedBy(gateway))
      .map((load) => `per ${load.unit} ${summary(listOf(results, gateway, load))}`);
    const { events, reads } = clients.reads.get(gateway.name)!;
    console.log(`${gateway.name.padEnd(8)} ${figures.join('   ')}   ${(events / reads).toFixed(2)} events per read`);
  }
  const [lamina, ...peers] = all;
  const [plain, event, chunk] = clients.loads as [Load, Load, Load];
  const medianOf = (gateway: Gateway, load: Load) => median(listOf(results, gateway, load));
  const ratio = (load: Load, peer: Gateway) => (medianOf(lamina!, load) / medianOf(peer, load)).toFixed(2);
  for (const peer of peers)
    console.log(
      `\nlamina / ${peer.name}: ${ratio(plain, peer)} per plain request, ${ratio(event, peer)} per SSE event`,
    );
  const tapped = peers.find(({ name }) => name === 'tapped')!;
  console.log(
    `\nA tap that changes every chunk costs ${(medianOf(tapped, event) - medianOf(lamina!, event)).toFixed(1)} microseconds per SSE event.`,
  );
  console.log(
    `\nWebSocket chunk / SSE event of lamina: ${(medianOf(lamina!, chunk) / medianOf(lamina!, event)).toFixed(2)}`,
  );
  for (const [name, count] of clients.incomplete)
    console.log(`\n${name} ended ${count} streams too early; these requests were sent again`);
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

function residentMb(pid: number): string {
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  return (kilobytes / 1024).toFixed(0);
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

function summary(values: readonly number[]): string {
  return `${median(values).toFixed(1).padStart(7)} (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;
}
