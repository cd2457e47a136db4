// The soak test: 100,000 requests and 1,000 swaps between two models of which one fits, with engines that are real
// processes. Between a quarter of the run and its end, the server must not grow. Linux only.
// npm run soak -- [swaps, default 1000] [requests per swap, default 100]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { inParallel } from './in-parallel.js';
import type { Held } from './swap-server.js';

const swaps = Number(process.argv[2] ?? 1_000);
const requestsPerSwap = Number(process.argv[3] ?? 100);
const clients = 8;
const mebibyte = 1024 ** 2;

/**
 * How much each may grow from a quarter of the run to its end: code that is still being compiled, and pages that are not
 * given back. An object that is kept for each request takes more than 7 MiB in this time.
 */
const tolerance: Held = { heap: 2 * mebibyte, rss: 24 * mebibyte, resources: 2, descriptors: 2 };

const agent = new Agent({ connections: clients, headersTimeout: 60_000, bodyTimeout: 60_000 });
const server = fork(fileURLToPath(new URL('./swap-server.js', import.meta.url)), { execArgv: ['--expose-gc'] });
try {
  const [url] = (await once(server, 'message')) as [string];
  await soak(url);
} finally {
  await agent.close();
  server.disconnect();
}

async function soak(url: string): Promise<void> {
  const began = performance.now();
  const samples: Held[] = [];
  let requests = 0;
  console.log('swaps  requests  seconds  heap MiB   rss MiB  resources  descriptors');
  for (let swap = 0; swap <= swaps; swap++) {
    if (swap % (swaps / 4) === 0) {
      const seconds = (performance.now() - began) / 1000;
      samples.push(await sample());
      print(swap, requests, seconds, samples.at(-1)!);
    }
    if (swap === swaps) break;
    const model = `m${swap % 2}`;
    await inParallel(clients, requestsPerSwap, () => ask(url, model, requests++));
  }
  console.log(`load average ${loadavg()[0]!.toFixed(1)}`);
  const [, quarter, , , end] = samples as [Held, Held, Held, Held, Held];
  for (const name of ['heap', 'rss', 'resources', 'descriptors'] as const) {
    if (end[name] - quarter[name] <= tolerance[name]) continue;
    console.error(`${name} grew by ${end[name] - quarter[name]}, more than ${tolerance[name]}`);
    process.exitCode = 1;
  }
}

/** Of ten requests, five are plain, four are streams, and of one the client leaves at its first bytes. */
async function ask(url: string, model: string, number: number): Promise<void> {
  const stream = number % 2 === 1;
  const leaves = number % 10 === 9;
  const content = leaves ? '/count' : 'Hello.'; // The answer to /count never ends.
  const { statusCode, body } = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content }] }),
    dispatcher: agent,
  });
  if (leaves && statusCode === 200) {
    for await (const _bytes of body) return;
  }
  const text = await body.text();
  const end = stream ? /\[DONE\]\n\n$/ : /\}\s*$/;
  if (statusCode !== 200 || !end.test(text)) throw new Error(`${model}: ${statusCode} ${text.slice(-300)}`);
}

async function sample(): Promise<Held> {
  const answered = once(server, 'message');
  server.send('held');
  return ((await answered) as [Held])[0];
}

function print(swap: number, requests: number, seconds: number, { heap, rss, resources, descriptors }: Held): void {
  const cells = [
    String(swap).padStart(5),
    String(requests).padStart(8),
    seconds.toFixed(0).padStart(7),
    (heap / mebibyte).toFixed(2).padStart(8),
    (rss / mebibyte).toFixed(1).padStart(8),
    String(resources).padStart(9),
    String(descriptors).padStart(11),
  ];
  console.log(cells.join('  '));
}
