// The lamina-server command with few file descriptors: it keeps serving when they run out.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { bin } from './support/command.js';
import { chat, until } from './support/test-server.js';
import { dial } from './support/raw.js';

const authorization = 'Bearer secret';
const descriptors = 256;

/**
 * On SIGUSR2 it takes every descriptor there is, on the next one it gives them back; each time it says how many it has
 * then.
 */
const greed = `
import { closeSync, openSync } from 'node:fs';
let taken = [];
process.on('SIGUSR2', () => {
  if (taken.length > 0) taken.splice(0).forEach((each) => closeSync(each));
  else try { for (;;) taken.push(openSync('/dev/null')); } catch {}
  process.stdout.write('taken ' + taken.length + '\\n');
});
`;

interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string };
}

(process.platform === 'linux' ? describe : describe.skip)(
  `lamina-server with ${descriptors} file descriptors`,
  function () {
    this.timeout(60_000);

    let directory: string;
    let child: ChildProcess;
    let lines: NodeJS.EventEmitter;
    let url: string;
    let stderr: string;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets: Socket[] = [];

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'lamina-descriptors-'));
      await writeFile(join(directory, 'tiny.fake'), 'a fake model');
      await writeFile(join(directory, 'models.yaml'), 'models:\n  tiny: { path: tiny.fake, backend: fake }\n');
      await writeFile(
        join(directory, 'config.mjs'),
        `${greed}import { fakePlugin } from '${import.meta.resolve('@lamina/testing')}';\nexport default { plugins: [fakePlugin()], server: { apiKeys: [{ key: 'secret' }] } };\n`,
      );
      const line = [process.execPath, bin, '--config', 'config.mjs', '--models-dir', directory, '--port', '0'];
      child = spawn('/bin/sh', ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, ...line], {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      stderr = '';
      child.stderr!.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
      lines = createInterface(child.stdout!);
      const [listens] = (await once(lines, 'line')) as [string];
      url = listens.replace('Lamina listens on ', '');
    });

    afterEach(async () => {
      sockets.splice(0).forEach((socket) => socket.destroy());
      agent.destroy();
      if (child.exitCode === null) child.kill('SIGKILL');
      await rm(directory, { recursive: true });
    });

    /** Asks on a connection that stays. */
    async function post(path: string, body: object = {}): Promise<{ status: number; body: unknown }> {
      const sent = request(url + path, { method: 'POST', agent, headers: { authorization } }).end(JSON.stringify(body));
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      return { status: response.statusCode!, body: await json(response) };
    }

    async function takeOrGiveBack(): Promise<string> {
      const said = once(lines, 'line');
      child.kill('SIGUSR2');
      return String((await said)[0]);
    }

    async function ends(): Promise<void> {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      assert.deepEqual(await exit, [0, null], stderr);
    }

    it('answers requests that start engines while there are more idle connections than descriptors', async () => {
      const settled = Array.from({ length: Math.ceil(1.3 * descriptors) }, async () => {
        const socket = dial(url)
          .on('error', () => undefined)
          .resume();
        sockets.push(socket);
        await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
      });
      await Promise.all(settled);
      assert.equal((await post('/v1/chat/completions', chat('tiny'))).status, 200, stderr);
      sockets.splice(0).forEach((socket) => socket.destroy());
      assert.equal((await post('/v1/chat/completions', chat('tiny'))).status, 200, stderr);
      await ends();
    });

    it('fails starts and requests with a useful error when all descriptors are in use, and recovers afterwards', async () => {
      assert.equal((await post('/models/tiny/stop')).status, 200);
      // Its processes release descriptors when they end.
      await until('the backend was probed', () => stderr.includes('"backend.found"'));
      assert.match(await takeOrGiveBack(), /^taken [1-9]/);
      const start = await post('/v1/chat/completions', chat('tiny'));
      const { code, message } = (start.body as ErrorBody).error;
      assert.deepEqual([start.status, code], [502, 'MODEL_START_FAILED'], message);
      assert.match(message, /ulimit -n/);
      await assert.rejects(fetch(`${url}/health`), 'a connection that cannot be had');
      assert.equal(await takeOrGiveBack(), 'taken 0');
      assert.equal((await post('/models/tiny/start')).status, 200);
      assert.match(await takeOrGiveBack(), /^taken [1-9]/);
      const asked = await post('/v1/chat/completions', chat('tiny'));
      assert.deepEqual(
        [asked.status, (asked.body as ErrorBody).error.code],
        [502, 'MODEL_SERVER_UNREACHABLE'],
        JSON.stringify(asked.body),
      );
      assert.match((asked.body as ErrorBody).error.message, /ulimit -n/);
      assert.equal(await takeOrGiveBack(), 'taken 0');
      assert.equal((await post('/v1/chat/completions', chat('tiny'))).status, 200, stderr);
      await ends();
    });
  },
);
