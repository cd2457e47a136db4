// What it costs to go through Lamina: CPU per request and per streamed event, beside nginx and caddy, all before one fake engine.
// node bench/dist/gateway.js [rounds]
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fakeEngine } from '@lamina/core/testing';
import { Agent, request } from 'undici';

const rounds = Number(process.argv[2] ?? 5);
const concurrency = 16;
const requestsPerRound = 3_000;
const streamsPerRound = 96;
const eventsPerStream = 200;
const ticksPerSecond = 100;

interface Gateway {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
}

const directory = await mkdtemp(join(tmpdir(), 'lamina-bench-'));
const agent = new Agent({ connections: concurrency, headersTimeout: 0, bodyTimeout: 0 });
const children: ChildProcess[] = [];
try {
  const engine = await startEngine();
  const gateways = [await startLamina(engine), ...(await startPeers(engine))];
  await measure(gateways);
} finally {
  for (const child of children) if (child.exitCode === null) child.kill('SIGTERM');
  await Promise.all(children.filter((child) => child.exitCode === null && child.signalCode === null).map((child) => once(child, 'exit')));
  await agent.close();
  await rm(directory, { recursive: true, force: true });
}

async function measure(gateways: readonly Gateway[]): Promise<void> {
  const results = new Map(gateways.map(({ name }) => [name, { request: [] as number[], event: [] as number[] }]));
  for (const gateway of gateways) await whole(gateway, 500);
  for (let round = 0; round < rounds; round++) {
    for (const gateway of gateways) {
      const result = results.get(gateway.name)!;
      result.request.push(await cost(gateway, requestsPerRound, () => whole(gateway, requestsPerRound)));
      result.event.push(await cost(gateway, streamsPerRound * eventsPerStream, () => streamed(gateway, streamsPerRound)));
    }
  }
  print(gateways, results);
}

function print(gateways: readonly Gateway[], results: ReadonlyMap<string, { request: number[]; event: number[] }>): void {
  const [lamina, ...peers] = gateways;
  console.log(`CPU of the gateway, microseconds, median of ${rounds} rounds (least to most); ${concurrency} clients, streams of ${eventsPerStream} events a millisecond apart\n`);
  for (const { name } of gateways) {
    const { request: whole, event } = results.get(name)!;
    console.log(`${name.padEnd(8)} per request ${shown(whole)}   per streamed event ${shown(event)}`);
  }
  for (const { name } of peers) {
    const ratio = (kind: 'request' | 'event') => (median(results.get(lamina!.name)![kind]) / median(results.get(name)![kind])).toFixed(2);
    console.log(`\nlamina / ${name}: ${ratio('request')} per request, ${ratio('event')} per streamed event`);
  }
}

/** CPU microseconds per unit that a gateway and its workers used while `work` ran. */
async function cost({ child }: Gateway, units: number, work: () => Promise<void>): Promise<number> {
  const before = cpuTicks(child.pid!);
  await work();
  return ((cpuTicks(child.pid!) - before) / ticksPerSecond / units) * 1e6;
}

function cpuTicks(pid: number): number {
  const workers = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && stat(Number(name))?.[1] === String(pid));
  return [pid, ...workers.map(Number)].reduce((sum, one) => sum + Number(stat(one)?.[11] ?? 0) + Number(stat(one)?.[12] ?? 0), 0);
}

/** The fields of /proc/<pid>/stat after the name: state, parent, … */
function stat(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  } catch {
    return undefined;
  }
}

async function whole({ url }: Gateway, count: number): Promise<void> {
  await inParallel(count, async () => {
    const { statusCode, body } = await post(url, { stream: false, max_tokens: 5 });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode} ${text}`);
  });
}

async function streamed({ url }: Gateway, count: number): Promise<void> {
  await inParallel(count, async () => {
    const { statusCode, body } = await post(url, { stream: true, max_tokens: eventsPerStream });
    let text = '';
    for await (const part of body) text += String(part);
    if (statusCode !== 200 || !text.endsWith('data: [DONE]\n\n')) throw new Error(`${statusCode} ${text.slice(-200)}`);
  });
}

function post(url: string, body: object) {
  const json = JSON.stringify({ model: 'bench', messages: [{ role: 'user', content: 'hi' }], ...body });
  return request(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: json, dispatcher: agent });
}

async function inParallel(count: number, run: () => Promise<void>): Promise<void> {
  let left = count;
  const client = async () => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: concurrency }, client));
}

async function startEngine(): Promise<string> {
  const { executable, args, env } = fakeEngine({ model: 'bench', behaviour: { chunks: eventsPerStream, chunk_ms: 1 } });
  const child = start(executable, args, { ...process.env, ...env });
  return (await printed(child, /listening on (http:\/\/\S+)/))[1]!;
}

async function startLamina(engine: string): Promise<Gateway> {
  const program = fileURLToPath(new URL('../../packages/server-koa/bin/lamina-server.js', import.meta.url));
  const config = fileURLToPath(new URL('./gateway-config.js', import.meta.url));
  const child = start(process.execPath, [program, '--port', '0', '--models-dir', directory, '--config', config], { ...process.env, LAMINA_BENCH_ENGINE: `${engine}/v1` });
  return { name: 'lamina', url: (await printed(child, /(http:\/\/\S+)/))[1]!, child };
}

/** nginx and caddy, those of them that this machine has, each with one worker or processor. */
async function startPeers(engine: string): Promise<Gateway[]> {
  const peers: Gateway[] = [];
  const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync);
  if (nginx !== undefined) {
    const port = await freePort();
    const file = join(directory, 'nginx.conf');
    await writeFile(file, nginxConfig(port, engine));
    peers.push(await listening('nginx', port, start(nginx, ['-c', file, '-p', directory])));
  }
  const caddy = ['/usr/bin/caddy', '/usr/local/bin/caddy'].find(existsSync);
  if (caddy !== undefined) {
    const port = await freePort();
    const file = join(directory, 'Caddyfile');
    await writeFile(file, `{\n  admin off\n  auto_https off\n}\nhttp://127.0.0.1:${port} {\n  bind 127.0.0.1\n  reverse_proxy ${new URL(engine).host} {\n    flush_interval -1\n  }\n}\n`);
    peers.push(await listening('caddy', port, start(caddy, ['run', '--config', file, '--adapter', 'caddyfile'], { ...process.env, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory })));
  }
  if (peers.length < 2) console.log('Install nginx and caddy to have both beside Lamina.');
  return peers;
}

function nginxConfig(port: number, engine: string): string {
  return `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log stderr error;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  upstream engine { server ${new URL(engine).host}; keepalive 32; }
  server {
    listen 127.0.0.1:${port}; keepalive_requests 1000000;
    location / { proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`;
}

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

async function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let output = '';
  return new Promise((resolve, reject) => {
    const read = (text: string) => {
      output += text;
      const found = pattern.exec(output);
      if (found !== null) resolve(found);
    };
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', read);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${output}`)));
  });
}

async function listening(name: string, port: number, child: ChildProcess): Promise<Gateway> {
  child.stdout!.resume();
  child.stderr!.resume();
  const url = `http://127.0.0.1:${port}`;
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${String(code)}`)));
  ended.catch(() => undefined);
  for (;;) {
    const up = request(`${url}/health`, { dispatcher: agent }).then(({ body }) => body.dump().then(() => true), () => false);
    if (await Promise.race([up, ended])) return { name, url, child };
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function shown(values: readonly number[]): string {
  return `${median(values).toFixed(1).padStart(7)} (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;
}
