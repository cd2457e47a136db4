// Engines that crash, hang, flood and talk nonsense, seen through the public interface: what a caller is told, what the
// state says, and that nothing is left.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaminaError } from '@lamina/core';
import { createLamina, type Lamina, type SlotSnapshot } from '@lamina/core';
import { definePlugin, processBackend } from '@lamina/core/plugin';
import { isAlive, untilGone } from './engine-fixture.js';

/** An engine that serves: `listen(answer)` starts it, `reply` is a usual answer. */
const prelude = `
const http = require('node:http'), net = require('node:net'), { spawn } = require('node:child_process');
const [port, key] = [Number(process.argv[1]), process.env.ENGINE_KEY];
const reply = (request, response) => response.writeHead(
  request.headers.authorization === 'Bearer ' + key ? 200 : 401, { 'content-type': 'application/json' }).end('{}');
const listen = (answer = reply) => http.createServer(answer).listen(port, '127.0.0.1');
`;

/** A backend whose engine runs the code in the option `code` of a model; `inspect` reads JSON from it. */
const scripts = definePlugin({
  name: 'scripts',
  setup: (lamina) =>
    lamina.addBackend(
      processBackend({
        type: 'scripts',
        formats: ['script'],
        executable: process.execPath,
        version: false,
        modelOptions: { type: 'object', properties: { code: { type: 'string' } }, additionalProperties: false },
        command: ({ options, port, key }) => ({
          args: ['-e', prelude + String((options as { code: string }).code), String(port)],
          env: { ENGINE_KEY: key },
        }),
        inspect: async ({ request }) => {
          await request('/facts');
          return {};
        },
      }),
    ),
});

describe('an engine', function () {
  this.timeout(60_000);
  let folder: string;
  let lamina: Lamina;
  let pids: number[];

  /** A Lamina with a model for each piece of code; `loadTimeouts` in seconds. */
  async function use(
    code: Readonly<Record<string, string>>,
    loadTimeouts: Readonly<Record<string, number>> = {},
  ): Promise<void> {
    folder = await mkdtemp(join(tmpdir(), 'lamina-crashes-'));
    for (const name of Object.keys(code)) await writeFile(join(folder, name), name);
    const models = Object.fromEntries(
      Object.entries(code).map(([name, text]) => [
        name,
        { path: name, format: 'script', options: { code: text }, limits: { load_timeout: loadTimeouts[name] ?? 60 } },
      ]),
    );
    lamina = await createLamina({
      modelsDir: folder,
      manifest: { models },
      plugins: [scripts()],
      env: process.env,
      log: 'silent',
      limits: { healthInterval: 0 },
    });
    pids = [];
    lamina.events.on('log.line', ({ text }) => {
      const pid = /^pid (\d+)$/.exec(text)?.[1];
      if (pid !== undefined) pids.push(Number(pid));
    });
  }

  const signal = new AbortController().signal;
  const acquire = (model: string) => lamina.runtime.acquire(model, { signal });
  const slot = (model: string): SlotSnapshot => lamina.runtime.slot(model);
  const failure = (model: string): Promise<LaminaError> =>
    acquire(model).then(
      () => assert.fail('the start should have failed'),
      (error: unknown) => error as LaminaError,
    );
  const failed = (model: string) =>
    lamina.events.once('model.failed', { signal, where: (event) => event.model === model });

  afterEach(async () => {
    await lamina.close({ signal: AbortSignal.abort() });
    await rm(folder, { recursive: true });
  });

  it('that crashes at its start fails with the signal; the state says so, and when the next start may be', async () => {
    await use({ bad: `console.log('reading'); process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000)` });
    const before = Date.now();
    const error = await failure('bad');
    assert.equal(error.code, 'MODEL_START_FAILED');
    assert.match(error.message, /SIGSEGV/);
    assert.equal(slot('bad').state, 'failed');
    assert.equal(slot('bad').error?.message, error.message);
    assert.ok(Date.parse(slot('bad').retryAt!) >= before + 999);
    assert.equal((await failure('bad')).code, 'START_BACKING_OFF');
  });

  it('that fails delays no start of another model', async () => {
    await use({ bad: `process.exit(3)`, good: `listen()` });
    await failure('bad');
    (await acquire('good')).release();
    assert.equal((await failure('bad')).code, 'START_BACKING_OFF');
    assert.equal(slot('good').retryAt, undefined);
  });

  it('that crashes while it serves is replaced for the next request, and the state says why meanwhile', async () => {
    await use({ tiny: `console.log('pid ' + process.pid); listen()` });
    const lease = await acquire('tiny');
    const event = failed('tiny');
    process.kill(slot('tiny').pid!, 'SIGSEGV');
    assert.match((await event).error.message, /SIGSEGV/);
    assert.match((lease.signal.reason as LaminaError).message, /SIGSEGV/);
    lease.release();
    assert.match(slot('tiny').error?.message ?? '', /SIGSEGV/);
    assert.equal(slot('tiny').pid, undefined);
    (await acquire('tiny')).release({ served: true });
    assert.equal(slot('tiny').error, undefined);
    assert.equal(pids.length, 2);
  });

  it('that is never ready and floods its output ends at the limit, while another one starts and serves', async () => {
    await use(
      {
        loud: `console.log('pid ' + process.pid); const line = 'x'.repeat(60000) + '\\n'; const print = () => process.stdout.write(line.repeat(16), print); print()`,
        good: `listen()`,
      },
      { loud: 3 },
    );
    const heapBefore = process.memoryUsage().heapUsed;
    const failing = failure('loud');
    (await acquire('good')).release();
    const error = await failing;
    assert.match(error.message, /not ready within 3 s/);
    const lines = error.details['last_lines'] as string[];
    assert.ok(lines.length > 0 && lines.length <= 20 && lines.every((line) => line.length <= 2_002));
    assert.ok(process.memoryUsage().heapUsed - heapBefore < 200 * 1024 * 1024);
    assert.equal(await isAlive(pids[0]!), false);
    assert.match(slot('loud').error?.message ?? '', /not ready within 3 s/);
  });

  it('that answers with bytes that are not HTTP is not taken for ready, and the error says what was found', async () => {
    await use(
      {
        odd: `net.createServer((socket) => socket.on('error', () => {}).end('\\x00\\xffhello\\n\\n')).listen(port, '127.0.0.1')`,
      },
      { odd: 2 },
    );
    const error = await failure('odd');
    assert.match(error.message, /not ready within 2 s; .*no HTTP response came from its port/);
  });

  it('that is ready and then says nothing of its capabilities that can be read is ended', async () => {
    await use({
      odd: `console.log('pid ' + process.pid); listen((request, response) => request.url === '/facts'
        ? response.writeHead(200, { 'content-type': 'application/json' }).end('{"half": ')
        : reply(request, response))`,
    });
    const error = await failure('odd');
    assert.match(error.message, /capabilities could not be read: .*JSON/);
    assert.equal(await isAlive(pids[0]!), false);
    assert.equal(slot('odd').state, 'failed');
  });

  it('whose child holds its output open after a crash is over all the same', async () => {
    await use({
      parent: `const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit', detached: true });
        console.log('pid ' + child.pid); listen()`,
    });
    (await acquire('parent')).release({ served: true });
    const event = failed('parent');
    process.kill(slot('parent').pid!, 'SIGKILL');
    await event;
    assert.equal(slot('parent').state, 'failed');
    if (await isAlive(pids[0]!)) process.kill(pids[0]!, 'SIGKILL'); // It left the group of its parent.
    await untilGone(pids[0]!);
  });

  it('that ignores SIGTERM while its model is stopped delays no other model', async () => {
    await use({ deaf: `process.on('SIGTERM', () => console.log('pid 0')); listen()`, good: `listen()` });
    (await acquire('deaf')).release({ served: true });
    const pid = slot('deaf').pid!;
    const stopping = lamina.runtime.stop('deaf');
    (await acquire('good')).release({ served: true });
    assert.equal(slot('deaf').state, 'stopping');
    await stopping;
    assert.equal(await isAlive(pid), false);
    assert.equal(slot('deaf').state, 'stopped');
  });
});
