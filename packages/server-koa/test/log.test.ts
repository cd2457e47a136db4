// The log of lamina-server, as JSON lines and as text on a terminal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@lamina/core';
import { definePlugin } from '@lamina/core/plugin';
import { bin, CommandRun, isAlive, levels, type LogLine } from './support/command.js';
import { chat, errorOf, startTestServer, until } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

const prompt = 'a prompt that is private';
const key = 'key-that-is-private';

/** A backend whose adapter has a fault, so that a request fails inside Lamina; and two ways to crash on a signal. */
const configuration = (testing: string, core: string) => `
import { fakeBackend, fakePlugin } from '${testing}';
import { definePlugin } from '${core}';
const adapt = { request() { throw new TypeError('the adapter has a fault'); } };
const type = fakeBackend({ type: 'faulty', formats: ['fake'] });
const faulty = { ...type, create: (name, options) => ({ ...type.create(name, options), adapt }) };
process.on('SIGUSR2', () => { throw new Error('thrown where nothing catches it'); });
process.on('SIGPIPE', () => void Promise.reject(new Error('rejected where nothing catches it')));
export default {
  plugins: [fakePlugin(), definePlugin({ name: 'faulty', setup: (lamina) => lamina.addBackend(faulty) })()],
  limits: { maxLoaded: 4 },
};
`;

describe('the log of lamina-server', function () {
  // Every case starts processes, some of them a dozen.
  this.timeout(60_000);

  let directory: string;
  let files: Server;
  const running = new Set<CommandRun>();

  beforeEach(async () => {
    files = createServer((request, response) => {
      if (request.url === '/fresh.fake') response.end('a fake model');
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    const origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    directory = await mkdtemp(join(tmpdir(), 'lamina-log-'));
    await writeFile(join(directory, 'tiny.fake'), 'a fake model');
    await writeFile(
      join(directory, 'models.yaml'),
      `models:
  tiny: { path: tiny.fake, backend: fake, options: { chunk_ms: 1, stderr: ['a line of the engine'] } }
  broken: { path: tiny.fake, backend: fake, options: { exit_code: 3, stderr: ['error: no such tensor'] } }
  faulty: { path: tiny.fake, backend: faulty }
  gone: { path: gone.fake, backend: fake }
  fresh: { path: fresh.fake, backend: fake, download: { url: '${origin}/fresh.fake' } }
  stale: { path: stale.fake, backend: fake, download: { url: '${origin}/stale.fake' } }
`,
    );
    const [testing, core] = ['@lamina/testing', '@lamina/core/plugin'].map((name) => import.meta.resolve(name));
    await writeFile(join(directory, 'config.mjs'), configuration(testing!, core!));
    await writeFile(join(directory, 'keys'), `${key}\n`);
  });

  afterEach(async () => {
    for (const run of running) run.child.kill('SIGKILL');
    running.clear();
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
    await rm(directory, { recursive: true });
  });

  const start = (...args: string[]): CommandRun => {
    const run = new CommandRun(process.execPath, [bin, ...args], { cwd: directory });
    running.add(run);
    void run.ended.then(() => running.delete(run));
    return run;
  };
  const options = () => ['--config', 'config.mjs', '--models-dir', directory, '--port', '0', '--api-key-file', 'keys'];
  const headers = { authorization: `Bearer ${key}` };
  const get = (url: string, path: string) => fetch(url + path, { headers });
  const post = (url: string, path: string, body: object = {}) =>
    fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const idOf = (response: Response) =>
    response.headers.get('x-request-id') ?? assert.fail('The answer has no x-request-id.');
  const pidOf = async (url: string, model: string) =>
    ((await (await get(url, `/models/${model}`)).json()) as { server: { pid: number } }).server.pid;

  /** A request that is answered, and its line in the log. */
  const answered = async (run: CommandRun, request: Promise<Response>): Promise<{ status: number; line: LogLine }> => {
    const response = await request;
    await response.arrayBuffer();
    return { status: response.status, line: await run.line({ request: idOf(response), status: response.status }) };
  };

  /** Everything that can happen in a day. */
  async function day(run: CommandRun): Promise<void> {
    const url = await run.url();
    for (const path of ['/health', '/models?q=secret', '/v1/models']) assert.equal((await get(url, path)).status, 200);

    const ok = await answered(run, post(url, '/v1/chat/completions', chat('tiny', prompt)));
    assert.match(ok.line.msg, /^Request [0-9a-f]{8} chat\/completions "tiny": 200 in \d.* m?s, \d+ tokens$/);
    assert.deepEqual(
      [ok.line['event'], ok.line['route'], ok.line['model'], ok.line.level],
      ['request.finished', 'chat/completions', 'tiny', levels.info],
    );
    assert.equal(typeof ok.line['completion_tokens'], 'number');
    const streamed = await answered(run, post(url, '/v1/chat/completions', chat('tiny', prompt, { stream: true })));
    assert.equal(streamed.status, 200);

    const socket = await TestSocket.open(url, { headers });
    socket.send({ type: 'chat.start', id: 'one', request: chat('tiny', prompt) as never });
    const { request } = await socket.next('chat.accepted');
    await run.line({ event: 'request.finished', request, status: 200, model: 'tiny' });
    socket.ws.close();

    for (const [model, status, code, level] of [
      ['nowhere', 404, 'MODEL_NOT_FOUND', 'info'],
      ['gone', 503, 'MODEL_FILES_MISSING', 'error'],
      ['broken', 502, 'MODEL_START_FAILED', 'error'],
      ['faulty', 500, 'INTERNAL', 'error'],
    ] as const) {
      const refused = await answered(run, post(url, '/v1/chat/completions', chat(model, prompt)));
      assert.equal(refused.status, status);
      assert.deepEqual([refused.line['code'], refused.line['model'], refused.line.level], [code, model, levels[level]]);
    }
    for (const body of [`{"model": "tiny", ${prompt}`, '{}']) {
      const unread = await answered(run, fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body }));
      assert.deepEqual(
        [unread.status, unread.line['code'], unread.line['path']],
        [400, 'REQUEST_INVALID', '/v1/chat/completions'],
      );
    }
    const keyless = await answered(
      run,
      fetch(`${url}/models/tiny/stop`, { method: 'POST', headers: { authorization: 'Bearer not-a-key-of-ours' } }),
    );
    assert.deepEqual([keyless.status, keyless.line['code']], [401, 'UNAUTHORIZED']);

    const cut = await post(url, '/v1/chat/completions', chat('tiny', `/count ${prompt}`, { stream: true }));
    const lost = assert.rejects(cut.text());
    process.kill(await pidOf(url, 'tiny'), 'SIGKILL');
    await lost;
    const broken = await run.line({ request: idOf(cut), status: 502 });
    assert.deepEqual([broken['code'], broken['cut']], ['MODEL_SERVER_EXITED', true]);
    assert.match(broken.msg, /the response broke off after/);

    const leaving = new AbortController();
    const left = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify(chat('tiny', `/count ${prompt}`, { stream: true })),
      signal: leaving.signal,
    });
    leaving.abort();
    assert.match((await run.line({ request: idOf(left), status: 499 })).msg, /cancelled by the client/);

    assert.equal((await answered(run, post(url, '/download', { model: 'fresh' }))).status, 202);
    await run.line({ event: 'download.finished' });
    assert.equal((await answered(run, post(url, '/download', { model: 'stale' }))).status, 404);
    assert.equal((await answered(run, post(url, '/models/tiny/stop'))).status, 200);
    await run.stop();
  }

  it('reports at info, the default, what was found, what happened and why, and each request once', async () => {
    const run = start(...options());
    await day(run);
    const lines = run.lines();
    const told = (level: keyof typeof levels, pattern: RegExp) => {
      const found = lines.filter((line) => pattern.test(line.msg));
      assert.equal(found.length > 0, true, `No line says ${pattern}:\n${run.stderr}`);
      assert.deepEqual([...new Set(found.map((line) => line.level))], [levels[level]], String(pattern));
    };
    told('info', /^Loaded 2 plugins: fake, faulty$/);
    told('info', /^Found 6 models, 3 with all files, in \//);
    told('info', /^2 models can be downloaded .*: fresh, stale$/);
    told('warn', /^Model "gone" cannot run: .*gone\.fake does not exist\. Add its files/);
    told('info', /^Serving on http:\/\/127\.0\.0\.1:\d+/);
    told('info', /^Found the backend fake [\d.]+ at \//);
    told('info', /^Starting model "tiny"$/);
    told('info', /^Model "tiny" is ready after \d.* on fake$/);
    told('error', /^Model "broken" failed to start: no such tensor/);
    told('error', /^The engine of model "tiny" ended unexpectedly: .*SIGKILL/);
    told('info', /^Downloading "fresh" from the source "url"/);
    told('info', /^Downloaded "fresh": 1 kB in \d/);
    told('info', /^Stopped model "tiny": on request$/);
    told('info', /^Stopped model "faulty": Lamina is shutting down$/);
    told('info', /^Stopping\. Send the signal again to stop at once\.$/);
    assert.equal(lines.at(-1)?.msg, 'Lamina has stopped');

    const fault = lines.find(({ msg }) => msg === 'A request failed with an internal error') as LogLine & {
      err: { message: string; stack: string };
    };
    assert.equal(fault.err.message, 'the adapter has a fault');
    assert.equal(lines.filter(({ request, status }) => request === fault['request'] && status === 500).length, 1);

    const requests = lines
      .filter(({ event }) => event === 'request.finished' || event === 'http.request')
      .map(({ request }) => request);
    assert.equal(new Set(requests).size, requests.length, 'A request has more than one line.');
    assert.equal(
      lines.some(({ method }) => method === 'GET'),
      false,
      'What only reads is for debug.',
    );
  });

  it('reports more at debug: reads, the pids and output of engines; and at no level a key, a prompt, an answer or a query', async () => {
    const run = start(...options(), '--log-level', 'debug');
    await day(run);
    const messages = run.lines().map(({ msg }) => msg);
    assert.equal(messages.filter((message) => / GET \/health: 200 in /.test(message)).length, 1);
    assert.ok(messages.some((message) => /^Process \d+ runs for model "tiny"$/.test(message)));
    assert.ok(messages.includes('tiny: a line of the engine'));
    for (const secret of [prompt, key, 'not-a-key-of-ours', 'tiny: 1 2 3', 'q=secret'])
      assert.equal(run.stderr.includes(secret), false, secret);
  });

  it('reports first why a server cannot run any model', async () => {
    await writeFile(join(directory, 'none.mjs'), 'export default { plugins: [] };\n');
    const run = start('--config', 'none.mjs', '--models-dir', 'nowhere', '--port', '0');
    await run.line({ event: 'backends.none', level: levels.warn });
    const [missing, empty] = [
      await run.line({ event: 'models.directory_missing', level: levels.warn }),
      await run.line({ event: 'models.none', level: levels.warn }),
    ];
    assert.match(missing.msg, /^The models directory \/.*\/nowhere does not exist\. Create it/);
    assert.match(empty.msg, /^There are no models in .*nowhere\. Add model files/);
    await run.stop();
  });

  it('reports an invalid edit of the manifest once, and what the next valid one changed', async () => {
    const run = start(...options());
    await run.url();
    const manifest = await readFile(join(directory, 'models.yaml'), 'utf8');
    const edit = async (text: string) => {
      await writeFile(join(directory, 'draft'), text);
      await rename(join(directory, 'draft'), join(directory, 'models.yaml')); // Nobody sees half of it.
    };
    await edit(`${manifest}  tiny: { path: [ }\n`);
    await run.line({ event: 'manifest.invalid', level: levels.error });
    await edit(`${manifest}  another: { path: tiny.fake, backend: fake }\n`);
    assert.equal(
      (await run.line({ event: 'models.changed', level: levels.info })).msg,
      'Models changed: added another',
    );
    await run.stop();
    assert.equal(run.lines().filter(({ level }) => level === levels.error).length, 1);
  });

  it('has one line for an uncaught exception, which ends the server with code 1 and every engine', async () => {
    for (const [signal, reason] of [
      ['SIGUSR2', 'thrown'],
      ['SIGPIPE', 'rejected'],
    ] as const) {
      const run = start(...options());
      const url = await run.url();
      await (await post(url, '/v1/chat/completions', chat('tiny'))).text();
      const pid = await pidOf(url, 'tiny');
      run.child.kill(signal);
      assert.equal(await run.ended, 1);
      const last = run.lines().at(-1)!;
      assert.deepEqual([last.level, last.event], [levels.error, 'server.fault']);
      assert.match(last.msg, new RegExp(`${reason} where nothing catches it`));
      await until('the engine ended', () => !isAlive(pid));
    }
  });

  const hasScript = spawnSync('script', ['--version']).error === undefined;
  (hasScript ? it : it.skip)(
    `is text for people on a terminal${hasScript ? '' : ' (skipped: there is no "script" of util-linux)'}`,
    async () => {
      const words = [process.execPath, bin, ...options(), '--log-level', 'info'].map((word) => `'${word}'`).join(' ');
      const run = new CommandRun('script', ['-qec', words, '/dev/null'], {
        cwd: directory,
        env: { ...process.env, NO_COLOR: '1', TERM: 'xterm' },
      });
      running.add(run);
      const url = await run.output(/OpenAI API +(http:\S+)\/v1/);
      const pid = Number(await run.output(/Serving on \S+ \(process (\d+)\)/));
      try {
        assert.equal((await post(url, '/v1/chat/completions', chat('tiny', prompt))).status, 200);
        assert.equal((await post(url, '/v1/chat/completions', chat('faulty', prompt))).status, 500);
        assert.equal((await post(url, '/v1/chat/completions', chat('\u001b[2J\nforged', prompt))).status, 404);
        await run.output(/(404 MODEL_NOT_FOUND)/);
      } finally {
        process.kill(pid, 'SIGTERM');
      }
      assert.equal(await run.ended, 0, run.stdout);
      running.delete(run);
      const lines = run.stdout.split('\r\n').slice(0, -1);
      // The rest is the banner.
      const texts = lines.filter((line) => line.startsWith('['));
      for (const line of texts) assert.match(line, /^\[\d\d:\d\d:\d\d\] (INFO|WARN|ERROR): [A-Z\d]/);
      assert.equal(run.stdout.includes('{'), false, run.stdout);
      assert.equal(run.stdout.includes('\u001b[2J'), false, 'The name of a model steers the terminal.');
      assert.ok(
        texts.some((line) => /INFO: Request [0-9a-f]{8} chat\/completions "tiny": 200 in .* tokens$/.test(line)),
        run.stdout,
      );
      assert.ok(
        texts.some((line) =>
          /ERROR: A request failed with an internal error \(err: the adapter has a fault, request: .*, method: POST, path: \/v1\/chat\/completions\)$/.test(
            line,
          ),
        ),
        run.stdout,
      );
      assert.match(texts.at(-1)!, /Lamina has stopped$/);
    },
  );
});

describe('a response that cannot be serialized', () => {
  it('is an internal error: INTERNAL in the error shape, its cause in the log', async () => {
    const lines: { level: string; message: string; err?: Error }[] = [];
    const levels = ['debug', 'info', 'warn', 'error'].map((level) => {
      const write = (data: object, message: string) => void lines.push({ level, message, ...data });
      return [level, write];
    });
    const log = Object.fromEntries(levels) as unknown as Logger;
    Object.assign(log, { child: () => log });
    const plugin = definePlugin({
      name: 'countless',
      setup: ({ hooks }) => hooks.describeModel.tap((model) => ({ ...model, metadata: { layers: 10n as never } })),
    });
    const testServer = await startTestServer({ plugins: [plugin()], lamina: { log } });
    try {
      const response = await fetch(`${testServer.url}/models/tiny`);
      assert.equal(response.status, 500);
      assert.equal((await errorOf(response)).code, 'INTERNAL');
      const line = lines.find(({ message }) => message === 'A request failed with an internal error');
      assert.equal(line?.level, 'error');
      assert.match(line?.err?.message ?? '', /BigInt/);
    } finally {
      await testServer.close();
    }
  });
});
