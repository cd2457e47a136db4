import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina, type LaminaOptions } from '@lamina/core';
import type { BackendType, Model } from '@lamina/core/plugin';
import { backendConformance, tinyGguf, type BackendKit } from '@lamina/testing';
import { describeReal, llamaServer, realLlama } from './support/engine.js';

const key = 'sk-test';
let folder: string;

/** A Lamina with the backend types that every Lamina has. */
function openLamina(options: LaminaOptions = {}): Promise<Lamina> {
  return createLamina({ modelsDir: join(folder, 'models'), log: 'silent', ...options });
}

function typeOf(lamina: Lamina, name: string): BackendType {
  return lamina.backends.types().find(({ type }) => type === name)!;
}

async function modelOf(name: string, format: string): Promise<Model> {
  const path = join(folder, 'tiny-a.gguf');
  await tinyGguf(path, { name: 'tiny-a', layers: 8, embeddingLength: 512 });
  const files = format === 'gguf' ? [{ role: 'weights', path, bytes: (await stat(path)).size } as const] : [];
  return { name, files, format, aliases: [], options: {}, pinned: false, limits: {}, from: 'manifest' };
}

function runCases(kit: BackendKit): void {
  for (const { name, skip, run } of backendConformance(kit)) {
    if (skip === undefined) it(name, run);
    else it.skip(`${name} (skipped: ${skip})`, run);
  }
}

/** A backend type that is resolved only when the suite runs. */
function later(type: () => BackendType, fixed: Pick<BackendType, 'formats' | 'lifetime' | 'type'>): BackendType {
  return {
    ...fixed,
    get options() {
      return type().options;
    },
    get modelOptions() {
      return type().modelOptions;
    },
    create: (name, options) => type().create(name, options),
  };
}

before(async () => void (folder = await mkdtemp(join(tmpdir(), 'lamina-builtin-'))));
after(() => rm(folder, { recursive: true }));

describeReal('command line: a real llama-server without code', function () {
  this.timeout(120_000);
  let lamina: Lamina;
  before(async function () {
    lamina = await openLamina();
    Object.assign(this, { engine: 'command: llama-server', version: await llamaVersion() });
  });
  after(() => lamina.close());
  const options = {
    command: `${llamaServer} --model \${MODEL_PATH} --port \${PORT} --host 127.0.0.1 --alias tiny-a -t 1 -c 1024 --offline`,
    formats: ['gguf'],
    health: '/health',
    env: { LLAMA_API_KEY: '${KEY}' },
  };
  runCases({
    type: later(() => typeOf(lamina, 'command'), { type: 'command', formats: [], lifetime: 'owned' }),
    options,
    missing: { ...options, command: '/nonexistent/engine' },
    env: process.env,
    model: () => modelOf('tiny-a', 'gguf'),
    async brokenModel() {
      await writeFile(join(folder, 'broken.gguf'), 'GGUF');
      return {
        ...(await modelOf('broken', 'gguf')),
        files: [{ role: 'weights', path: join(folder, 'broken.gguf'), bytes: 4 }],
      };
    },
    says: () => 'Hello from the model tiny-a.',
    reach: {
      options: { extra_args: ['--parallel', '3'] },
      async verify(server) {
        const { baseUrl, headers = {} } = server.endpoint();
        const props = (await (
          await fetch(new URL('/props', baseUrl), { headers: { ...headers, connection: 'close' } })
        ).json()) as { total_slots: number };
        if (props.total_slots !== 3) throw new Error(`It has ${props.total_slots} slots.`);
      },
    },
    embedding: { extra_args: ['--embeddings', '--pooling', 'mean'] },
    skip: {
      'a probe finds the engine and its version': 'there is no standard way to get the version of a command',
      'the memory estimate is positive and grows with the context': 'the memory use of a command is unknown',
      'the request adapter keeps unknown fields and does not modify its input': 'requests are passed on unchanged',
      'a server responds after sleep and wake': 'a command cannot sleep',
    },
  });
});

describeReal('remote: an external real llama-server', function () {
  this.timeout(120_000);
  let lamina: Lamina;
  let engine: ChildProcess;
  const options = { base_url: '', api_key_env: 'THEIR_KEY' };
  before(async function () {
    Object.assign(this, { engine: 'remote: llama-server', version: await llamaVersion() });
    const { files } = await modelOf('tiny-a', 'gguf');
    const port = await freePort();
    engine = spawn(
      llamaServer!,
      [
        '--model',
        files[0]!.path,
        '--port',
        String(port),
        '--host',
        '127.0.0.1',
        '--alias',
        'tiny-a',
        '-t',
        '1',
        '-c',
        '1024',
        '--offline',
        '--embeddings',
        '--pooling',
        'mean',
      ],
      { env: { ...process.env, LLAMA_API_KEY: key }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    options.base_url = `http://127.0.0.1:${port}/v1`;
    await new Promise<void>((resolve) =>
      engine.stderr!.setEncoding('utf8').on('data', (text: string) => text.includes('listening') && resolve()),
    );
    lamina = await openLamina({
      env: { THEIR_KEY: key },
      manifest: { models: {}, backends: { conformance: { type: 'remote', ...options } } },
    });
  });
  after(async () => {
    await lamina.close();
    engine.kill('SIGKILL');
    await once(engine, 'exit');
  });
  const remains = 'the server is external: it is attached and detached, never started or stopped';
  runCases({
    type: later(() => typeOf(lamina, 'remote'), { type: 'remote', formats: ['remote'], lifetime: 'external' }),
    options,
    env: { THEIR_KEY: key },
    missing: { base_url: 'http://127.0.0.1:9/v1' },
    model: async () => ({ ...(await modelOf('theirs', 'remote')), options: { id: 'tiny-a' } }),
    says: () => 'Hello from the model tiny-a.',
    embedding: { id: 'tiny-a' },
    skip: {
      'a probe finds the engine and its version': 'there is no standard way to get the version of a server',
      'the memory estimate is positive and grows with the context': 'it uses no memory of this machine',
      'the request adapter keeps unknown fields and does not modify its input': 'requests are passed on unchanged',
      'options reach the engine': 'its only option is the name of the model on the server, which every case uses',
      'two models run concurrently at different endpoints': 'all models of a remote share its endpoint',
      'a start of a damaged model fails with a reason': remains,
      'a failed start leaves nothing behind': remains,
      'every process is in a guarded group until it ends': remains,
      'a stop leaves no process and no open port': remains,
      'the engine ends on SIGTERM': remains,
      'a stop ends in time during a streamed response': remains,
      'a stop with an aborted signal kills at once': remains,
      'a stop becomes a kill when its signal is aborted': remains,
      'a killed engine resolves closed as a crash, with a reason': remains,
      'a crash leaves nothing behind': remains,
      'a server responds after sleep and wake': remains,
    },
  });
});

/** The version of the engine behind both, which neither backend can report. */
async function llamaVersion(): Promise<string | undefined> {
  const lamina = await createLamina({ modelsDir: folder, log: 'silent', plugins: [realLlama()], env: process.env });
  const record = (await lamina.backends.list()).find(({ name }) => name === 'llama.cpp');
  await lamina.close();
  return record?.availability.available === true ? record.availability.version : undefined;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
