// The fake engine: a process that takes time to load, serves OpenAI's HTTP API, and has configurable faults.
// node main.js --model NAME --port N [--file PATH] [--behaviour JSON] [--api-key KEY]   (or the key in
// FAKE_ENGINE_KEY)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Behaviour } from './behaviour.js';
import { isDue } from './faults.js';
import { answer } from './routes.js';
import { newEngine, type Engine } from './state.js';

const texts = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    version: { type: 'boolean' },
    model: texts,
    port: texts,
    file: texts,
    behaviour: texts,
    'api-key': texts,
  },
});

if (values.version) console.log('fake-engine 1.0.0');
else
  await run(
    newEngine(
      values.model ?? 'fake',
      values['api-key'] ?? process.env.FAKE_ENGINE_KEY,
      JSON.parse(values.behaviour ?? '{}') as Behaviour,
    ),
  );

async function run(engine: Engine): Promise<void> {
  const { behaviour } = engine;
  for (const line of behaviour.stderr ?? []) console.error(line);
  if (behaviour.grandchild)
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], {
      stdio: 'ignore',
      detached: behaviour.grandchild === 'own_group',
    });
  const server = createServer((request, response) => void answer(engine, request, response));
  process.on('SIGTERM', () => onTerminate(server, engine));
  if (behaviour.while_loading !== 'refused') await listen(server, behaviour);
  await load(behaviour);
  if (behaviour.while_loading === 'refused') await listen(server, behaviour);
  engine.ready = true;
  const { address, port } = server.address() as AddressInfo;
  console.error(`listening on http://${address}:${port}`);
}

async function listen(server: Server, behaviour: Behaviour): Promise<void> {
  server.listen(Number(values.port ?? 0), behaviour.host ?? '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    fail(1, `error: couldn't bind port ${values.port}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

async function load(behaviour: Behaviour): Promise<void> {
  for (const percent of [0, 50, 100]) {
    console.error(`loading: ${percent} %`);
    if (percent < 100) await setTimeout((behaviour.load_ms ?? 0) / 2);
  }
  readModel();
  if (behaviour.exit_code !== undefined && isDue(behaviour)) process.exit(behaviour.exit_code);
}

/** Any file is a valid model unless it begins with "broken". */
function readModel(): void {
  if (values.file === undefined) return;
  try {
    if (!readFileSync(values.file, 'utf8').startsWith('broken')) return;
  } catch {
    fail(1, `error: failed to open '${values.file}'`);
  }
  fail(1, `error: '${values.file}' is not a fake model`);
}

function fail(code: number, reason: string): never {
  console.error(reason);
  process.exit(code);
}

function onTerminate(server: Server, engine: Engine): void {
  if (engine.behaviour.sigterm === 'ignored') return;
  if (engine.behaviour.sigterm !== 'waits' || engine.busy === 0) process.exit(0);
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}
