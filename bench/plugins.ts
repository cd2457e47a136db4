// The CPU time of Lamina with plugins, each as a ratio to Lamina without it in the same run, in front of one fake engine:
// what metrics and redaction add to a request, and what an event of another API costs beside one of a chat completion.
// node bench/dist/plugins.js [rounds]
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { fakeEngine } from '@lamina/testing';
import { Agent, request } from 'undici';
import { inParallel } from './in-parallel.js';
import { median } from './median.js';
import { printed } from './printed.js';

const rounds = Number(process.argv[2] ?? 9);
const clients = 8;
const eventsPerStream = 200;
const content = 'Tell me more. '.repeat(70);
const messages = [{ role: 'user', content }];

/** Requests of one kind. */
interface Load {
  readonly path: string;
  readonly body: object;
  /** The end of a complete answer. */
  readonly end: RegExp;
  readonly requests: number;
  readonly unitsPerRequest: number;
}

const stream = { requests: 48, unitsPerRequest: eventsPerStream };
const limit = { max_tokens: eventsPerStream };
const loads = {
  plain: {
    path: '/v1/chat/completions',
    body: { messages, max_tokens: 5 },
    end: /\}\s*$/,
    requests: 1_000,
    unitsPerRequest: 1,
  },
  chat: { ...stream, path: '/v1/chat/completions', body: { messages, stream: true, ...limit }, end: /\[DONE\]\n\n$/ },
  ollama: {
    ...stream,
    path: '/api/chat',
    body: { messages, options: { num_predict: eventsPerStream } },
    end: /"done":true.*\n$/,
  },
  anthropic: {
    ...stream,
    path: '/v1/messages',
    body: { messages, stream: true, ...limit },
    end: /"message_stop"\}\n\n$/,
  },
  responses: {
    ...stream,
    path: '/v1/responses',
    body: { input: content, stream: true, max_output_tokens: eventsPerStream },
    end: /"type":"response\.\w+".*\n\n$/,
  },
} satisfies Record<string, Load>;

/** What is compared: a load on a server with the plugin, and one on a server without it. */
const rows = [
  ['metrics, per plain request', 'metrics', 'plain', 'plain'],
  ['metrics, per event of a stream', 'metrics', 'chat', 'chat'],
  ['redaction, per event of a stream', 'guard', 'chat', 'chat'],
  ['/api/chat, per event', 'apis', 'ollama', 'chat'],
  ['/v1/messages, per event', 'apis', 'anthropic', 'chat'],
  ['/v1/responses, per event', 'apis', 'responses', 'chat'],
] as const;

/** A Lamina in a process of its own. */
interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

const behaviour = { chunks: eventsPerStream, chunk_ms: 1 };
const { executable, args, env } = fakeEngine({ model: 'bench', behaviour });
const engine = spawn(executable, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
const agent = new Agent({ connections: clients, headersTimeout: 0, bodyTimeout: 0 });
const servers = new Map<string, Server>();
try {
  const engineUrl = (await printed(engine, /listening on (http:\/\/\S+)/))[1]!;
  for (const variant of ['none', 'metrics', 'guard', 'apis'])
    servers.set(variant, await startServer(variant, engineUrl));
  for (const [name, variant, load, baseline] of rows) {
    const measured = { server: servers.get(variant)!, load: loads[load] };
    await compare(name, measured, { server: servers.get('none')!, load: loads[baseline] });
  }
} finally {
  await agent.close();
  for (const { child } of servers.values()) child.disconnect();
  engine.kill();
}

interface Side {
  readonly server: Server;
  readonly load: Load;
}

async function compare(name: string, measured: Side, baseline: Side): Promise<void> {
  const costs = new Map<Side, number[]>([
    [measured, []],
    [baseline, []],
  ]);
  for (const side of costs.keys()) await run(side); // Nothing is compiled or loaded afterwards.
  for (let round = 0; round < rounds; round++) {
    const sides = [...costs.keys()];
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const before = await cpuMicroseconds(side.server);
      await run(side);
      const units = side.load.requests * side.load.unitsPerRequest;
      costs.get(side)!.push(((await cpuMicroseconds(side.server)) - before) / units);
    }
  }
  const [with_, without] = [median(costs.get(measured)!), median(costs.get(baseline)!)];
  console.log(`${name}: ${with_.toFixed(1)} µs beside ${without.toFixed(1)} µs: ${(with_ / without).toFixed(2)} times`);
}

function run({ server, load }: Side): Promise<void> {
  return inParallel(clients, load.requests, () => post(server.url, load));
}

async function post(url: string, { path, body, end }: Load): Promise<void> {
  const response = await request(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'bench', ...body }),
    dispatcher: agent,
  });
  const text = await response.body.text();
  if (response.statusCode !== 200 || !end.test(text))
    throw new Error(`${path}: ${response.statusCode} ${text.slice(-300)}`);
}

async function startServer(variant: string, engineUrl: string): Promise<Server> {
  const child = fork(fileURLToPath(new URL('./plugins-server.js', import.meta.url)), [engineUrl, variant]);
  const [url] = (await once(child, 'message')) as [string];
  return { url, child };
}

async function cpuMicroseconds({ child }: Server): Promise<number> {
  const answered = once(child, 'message');
  child.send('cpu');
  const [{ user, system }] = (await answered) as [NodeJS.CpuUsage];
  return user + system;
}
