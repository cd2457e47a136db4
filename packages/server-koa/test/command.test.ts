// The lamina-server command as a process.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { LaminaError } from '@lamina/core';
import { readCommandLine, type CommandLine } from '../dist/command-line.js';
import { serve } from '../dist/serve.js';
import { bin, CommandRun, isAlive } from './support/command.js';
import { raw } from './support/raw.js';
import { chat, errorOf, until } from './support/test-server.js';

interface Run {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

describe('lamina-server', function () {
  // Every case starts processes, some of them a dozen.
  this.timeout(60_000);

  let directory: string;
  const running = new Set<ChildProcess>();

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-command-'));
    await writeFile(join(directory, 'tiny.fake'), 'a fake model');
    await writeFile(
      join(directory, 'models.yaml'),
      'models:\n  tiny: { path: tiny.fake, backend: fake, options: { chunk_ms: 1 } }\n  other: { path: tiny.fake, backend: fake }\n  lazy: { path: tiny.fake, backend: fake, options: { load_ms: 60000, sigterm: ignored } }\n',
    );
    const testing = import.meta.resolve('@lamina/testing');
    await writeFile(
      join(directory, 'config.mjs'),
      `import { fakePlugin } from '${testing}';\nexport default { plugins: [fakePlugin()], limits: { maxLoaded: 2, drainTimeout: 1 } };\n`,
    );
  });

  afterEach(async () => {
    for (const child of running) child.kill('SIGKILL');
    await rm(directory, { recursive: true });
  });

  const run = (...args: string[]): Run => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece));
    const stderr = text(child.stderr);
    const ended = once(child, 'close').then(async ([code]) => {
      running.delete(child);
      return { code: code as number | null, stdout, stderr: await stderr };
    });
    return {
      child,
      ended,
      get url() {
        return /http:\S+/.exec(stdout)?.[0] ?? assert.fail(`no URL in ${stdout}`);
      },
    };
  };

  const listening = async (...args: string[]): Promise<Run> => {
    const started = run(...args);
    await Promise.race([
      once(started.child.stdout!, 'data'),
      started.ended.then(({ stderr }) => assert.fail(`it ended: ${stderr}`)),
    ]);
    return started;
  };

  const options = () => ['--config', 'config.mjs', '--models-dir', directory, '--port', '0'];
  const post = (url: string, path: string, body: object) =>
    fetch(url + path, { method: 'POST', body: JSON.stringify(body) });

  it('prints its URL in one line, serves, and stops with every engine on SIGTERM', async () => {
    const { child, url, ended } = await listening(...options());
    assert.match(await (await post(url, '/v1/chat/completions', chat('tiny'))).text(), /tiny: 1 2 3 4/);
    const { server } = (await (await fetch(`${url}/models/tiny`)).json()) as { server: { pid: number } };
    assert.ok(isAlive(server.pid));
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `Lamina listens on ${url}\n`);
    assert.equal(isAlive(server.pid), false);
  });

  it('stops on SIGINT during a stream and during a start, with an error to the clients', async () => {
    const { child, url, ended } = await listening(...options());
    const stream = await post(url, '/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    const broken = assert.rejects(stream.text());
    const waiting = post(url, '/v1/chat/completions', chat('lazy'));
    await until(
      'the start',
      async () => ((await (await fetch(`${url}/models/lazy`)).json()) as { state: string }).state === 'starting',
    );
    child.kill('SIGINT');
    const refused = await waiting;
    assert.equal(refused.status, 503);
    assert.equal((await errorOf(refused)).code, 'SHUTTING_DOWN');
    await broken;
    const { code, stderr } = await ended;
    assert.equal(code, 0);
    assert.match(stderr, /"Stopping: 2 requests still running\. Press Ctrl-C again to stop at once\."/);
  });

  it('says on a signal which downloads are still running', async () => {
    const files = createServer((_, response) => void response.writeHead(200, { 'content-length': 9 }).write('a'));
    await once(files.listen(0, '127.0.0.1'), 'listening');
    const { child, url, ended } = await listening(...options());
    const reference = `http://127.0.0.1:${(files.address() as { port: number }).port}/new.fake`;
    await post(url, '/download', { source: 'url', reference, name: 'new' });
    await until('the download runs', async () =>
      /"state":"active"/.test(await (await fetch(`${url}/downloads`)).text()),
    );
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    assert.equal(code, 0);
    assert.match(stderr, /"Stopping: 1 download still running\. Send the signal again to stop at once\."/);
    files.closeAllConnections();
    files.close();
  });

  it('reloads the manifest and the keys on SIGHUP without a terminal; an unreadable file changes nothing', async () => {
    const keys = join(directory, 'keys');
    await writeFile(keys, 'old-key\n');
    const server = new CommandRun(process.execPath, [bin, ...options(), '--api-key-file', keys], { cwd: directory });
    running.add(server.child);
    const url = await server.url();
    const status = async (key: string) =>
      (await fetch(`${url}/models`, { headers: { authorization: `Bearer ${key}` } })).status;
    await writeFile(keys, 'new-key\n');
    assert.deepEqual([await status('old-key'), await status('new-key')], [200, 401]);
    server.child.kill('SIGHUP');
    await server.line({ event: 'server.reloaded', part: 'manifest' });
    await server.line({ event: 'server.reloaded', part: 'API keys' });
    assert.deepEqual([await status('old-key'), await status('new-key')], [401, 200]);
    await writeFile(keys, '# nothing\n');
    server.child.kill('SIGHUP');
    const { msg } = await server.line({ event: 'server.reload-failed' });
    assert.match(msg, /^The API keys cannot be reloaded, so nothing changed: .* contains no key\.$/);
    assert.equal(await status('new-key'), 200);
    await server.stop();
    running.delete(server.child);
  });

  it('stops at once on the second signal, also with an engine that ignores SIGTERM', async () => {
    await writeFile(
      join(directory, 'config.mjs'),
      (await readFile(join(directory, 'config.mjs'), 'utf8')).replace(
        'drainTimeout: 1',
        'drainTimeout: 600, stopTimeout: 600',
      ),
    );
    await writeFile(
      join(directory, 'models.yaml'),
      'models:\n  tiny: { path: tiny.fake, backend: fake, options: { chunk_ms: 1, sigterm: ignored } }\n',
    );
    const { child, url, ended } = await listening(...options());
    const stream = await post(url, '/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    const broken = assert.rejects(stream.text());
    const { server } = (await (await fetch(`${url}/models/tiny`)).json()) as { server: { pid: number } };
    child.kill('SIGTERM');
    await until('the first signal was heard', async () =>
      fetch(`${url}/health`).then(
        () => false,
        () => true,
      ),
    );
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
    assert.equal(isAlive(server.pid), false);
    await broken;
  });

  it('prefers the limits of the command line to those of the configuration', async () => {
    const { child, url, ended } = await listening(
      ...options(),
      '--max-loaded',
      '1',
      '--idle-timeout',
      '0',
      '--log-level',
      'debug',
      '--data-dir',
      join(directory, 'state'),
    );
    for (const model of ['tiny', 'other']) await (await post(url, '/v1/chat/completions', chat(model))).text();
    const { models, active } = (await (await fetch(`${url}/models`)).json()) as {
      models: Record<string, { active: boolean }>;
      active: number;
    };
    assert.deepEqual([active, models['other']?.active], [1, true]);
    assert.ok(existsSync(join(directory, 'state')));
    child.kill('SIGTERM');
    const { stderr, code } = await ended;
    assert.equal(code, 0);
    for (const line of stderr.split('\n').filter((text) => text !== ''))
      assert.equal(typeof (JSON.parse(line) as { msg: string }).msg, 'string');
  });

  it('reads keys from a file', async () => {
    await writeFile(
      join(directory, 'keys'),
      '# ours\nfirst-key\n\nsecond-key inference  # for the phone\nthird-key name=desk manage\n',
    );
    const { child, url, ended } = await listening(
      ...options(),
      '--api-key-file',
      join(directory, 'keys'),
      '--host',
      '0.0.0.0',
    );
    const local = url.replace('0.0.0.0', '127.0.0.1');
    const status = async (key: string, path: string, method = 'GET') =>
      (await fetch(local + path, { method, headers: { authorization: `Bearer ${key}` } })).status;
    assert.equal(await status('first-key', '/models'), 200);
    assert.equal(await status('second-key', '/models'), 200);
    assert.equal(await status('second-key', '/models/tiny/stop', 'POST'), 403);
    assert.equal(await status('ours', '/models'), 401);
    assert.equal(await status('third-key', '/models/tiny/stop', 'POST'), 200);
    assert.equal(await status('third-key', '/v1/embeddings', 'POST'), 403);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    assert.equal(code, 0);
    assert.match(stderr, /"key":"desk","method":"POST","path":"\/models\/tiny\/stop","status":200/);
    assert.equal(/(first|second|third)-key/.test(stderr), false);
  });

  it('takes origins, host names, the limit of bodies and the hosts of downloads from the command line', async () => {
    const files = createServer((_, response) => void response.end('a fake model')).listen(0, '127.0.0.1');
    await once(files, 'listening');
    const { port } = files.address() as { port: number };
    const { child, url, ended } = await listening(
      ...options(),
      ...['--cors', 'https://a.example,https://*.b.example', '--cors', 'https://c.example'],
      ...['--allowed-hosts', 'models.home.arpa', '--body-limit', '1kB'],
      ...['--download-allow-hosts', `127.0.0.1:${port}`],
    );
    const asPage = async (origin: string) => (await fetch(`${url}/models`, { headers: { origin } })).status;
    for (const origin of ['https://a.example', 'https://x.b.example', 'https://c.example'])
      assert.equal(await asPage(origin), 200, origin);
    assert.equal(await asPage('https://d.example'), 403);
    const asHost = async (host: string) =>
      (await raw(url, `GET /models HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status;
    assert.deepEqual([await asHost('models.home.arpa'), await asHost('other.home.arpa')], [200, 403]);
    assert.equal((await post(url, '/v1/chat/completions', chat('tiny', 'x'.repeat(1000)))).status, 413);
    // Behind a proxy, a caller counts as one of the network, whose downloads may not use addresses of this machine.
    const download = async (host: string) =>
      (
        await fetch(`${url}/download`, {
          method: 'POST',
          headers: { via: '1.1 proxy' },
          body: JSON.stringify({ source: 'url', reference: `http://${host}/new.fake`, name: `new-${host.length}` }),
        })
      ).status;
    assert.deepEqual([await download(`127.0.0.1:${port}`), await download('127.0.0.2:80')], [202, 403]);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
    files.close();
    files.closeAllConnections();
  });

  it('uses the installed plugins without a configuration', async () => {
    await writeFile(join(directory, 'models.yaml'), 'models: {}\n');
    const { child, url, ended } = await listening('--models-dir', directory, '--port', '0');
    const { backends } = (await (await fetch(`${url}/backends`)).json()) as { backends: Record<string, unknown> };
    assert.ok('llama.cpp' in backends);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
  });

  const fails = async (code: number, says: RegExp, ...args: string[]) => {
    const { ended } = run(...args);
    const result = await ended;
    assert.equal(result.code, code, result.stderr);
    assert.equal(result.stdout, '');
    assert.match(result.stderr, says);
    assert.equal(/^\s+at /m.test(result.stderr), false, result.stderr);
    return result.stderr;
  };

  /** What the command says when it cannot start; found in this process, because another one would load everything again. */
  const refusal = async (...args: string[]): Promise<string> => {
    const never = new AbortController().signal;
    const command = { package: '@lamina/server-koa', path: bin };
    const signals = { orderly: never, atOnce: never, onReload: () => undefined };
    const flags = readCommandLine(args) as CommandLine;
    const error: unknown = await serve({ command, flags, env: {}, stdout: new PassThrough(), ...signals }).then(
      () => assert.fail('it started'),
      (reason: unknown) => reason,
    );
    assert.ok(LaminaError.is(error), String(error));
    assert.equal(error.message.includes('\n'), false, error.message);
    return error.message;
  };

  it('reports in one sentence why it cannot start', async () => {
    // The log of what was found until then is JSON, and not the sentence.
    const one = async (says: RegExp, ...args: string[]) => {
      const lines = (await fails(1, says, ...args)).trim().split('\n');
      assert.deepEqual(
        lines.filter((line) => !line.startsWith('{')),
        [lines.at(-1)],
      );
    };
    await one(/needs an API key/, ...options(), '--host', '0.0.0.0');
    await writeFile(join(directory, 'throws.mjs'), "throw new Error('not today');");
    await one(/Cannot load throws\.mjs: not today/, '--config', 'throws.mjs');
    await writeFile(join(directory, 'keys'), 'secret-key everything\n');
    const shown = await fails(1, /keys, line 1/, ...options(), '--api-key-file', 'keys');
    assert.equal(shown.includes('secret-key'), false);
  });

  it('has a sentence for each file that it cannot use', async () => {
    const file = (name: string) => join(directory, name);
    const configured = ['--config', file('config.mjs'), '--models-dir', directory, '--port', '0'];
    assert.match(await refusal('--config', file('nowhere.mjs')), /Cannot load .*nowhere\.mjs: /);
    await writeFile(file('empty.mjs'), 'export const plugins = [];');
    assert.match(await refusal('--config', file('empty.mjs')), /default export/);
    const withKeys = (name: string) => refusal(...configured, '--api-key-file', file(name));
    assert.match(await withKeys('nowhere'), /API key file cannot be read/);
    await writeFile(file('keys'), '# none\n');
    assert.match(await withKeys('keys'), /contains no key/);
    for (const words of ['inference manage', 'name=', 'name=a name=b', 'manage name=a b']) {
      await writeFile(file('keys'), `k\nsecret-key ${words}\n`);
      const message = await withKeys('keys');
      assert.match(message, /keys, line 2: only a scope/);
      assert.equal(message.includes('secret-key'), false);
    }
    await writeFile(file('bad.yaml'), 'models: [\n');
    assert.match(await refusal(...configured, '--manifest', file('bad.yaml')), /bad\.yaml/);
  });

  it('leaves nothing behind when the port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await fails(1, /the port is in use/, '--config', 'config.mjs', '--models-dir', directory, '--port', String(port));
    taken.close();
    const { child, ended } = await listening(...options());
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0, 'the data directory is free again');
  });

  it('has a sentence for a size and an origin that are none', async () => {
    const configured = ['--config', join(directory, 'config.mjs'), '--models-dir', directory, '--port', '0'];
    assert.equal(
      await refusal(...configured, '--body-limit', 'much'),
      '"--body-limit much" is not a size. Write it like 64MB.',
    );
    assert.match(
      await refusal(...configured, '--cors', 'app.example'),
      /^"app\.example" is not an origin .*https:\/\/app\.example/,
    );
  });

  it('exits with 2 after wrong usage, with 0 after --help', async () => {
    await fails(2, /--prot/, '--prot', '1');
    await fails(2, /from 0 to 65535/, '--port', '70000');
    await fails(2, /at least 1/, '--max-loaded', '0');
    await fails(2, /whole number/, '--idle-timeout', 'soon');
    await fails(2, /silent, error, warn, info, debug/, '--log-level', 'loud');
    const help = await run('--help').ended;
    assert.equal(help.code, 0);
    for (const option of [
      '--manifest',
      '--models-dir',
      '--config',
      '--host',
      '--port',
      '--memory',
      '--max-loaded',
      '--idle-timeout',
      '--log-level',
      '--api-key-file',
      '--data-dir',
      '--allow-unauthenticated',
      '--allowed-hosts',
      '--cors',
      '--body-limit',
      '--download-allow-hosts',
    ]) {
      assert.ok(help.stdout.includes(option), option);
    }
  });
});
