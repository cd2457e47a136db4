// Downloads of a server that is killed and started again: they go on and end together, and nothing of the kill is left.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin } from './support/command.js';
import { until } from './support/test-server.js';

interface View {
  readonly id: string;
  readonly model: string;
  readonly state: string;
  readonly error?: object;
}

describe('downloads of a server that is killed', function () {
  this.timeout(60_000);
  let folder: string;
  let files: Server;
  let origin: string;
  let waiting: (() => void)[];
  let open: boolean;
  let server: ChildProcess | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lamina-killed-'));
    writeFileSync(
      join(folder, 'config.mjs'),
      'export default { downloads: { maxConcurrent: 8, connections: 16, retryDelay: 0.01 } };\n',
    );
    waiting = [];
    open = false;
    files = createServer((request, response) => {
      const content = Buffer.from(`GGUF ${request.url}`.padEnd(1000, '.'));
      const probe = request.headers.range === 'bytes=0-0';
      response.writeHead(probe ? 206 : 200, {
        'content-length': probe ? 1 : 1000,
        ...(probe ? { 'content-range': 'bytes 0-0/1000' } : {}),
      });
      if (probe) return void response.end('G');
      response.write(content.subarray(0, 500));
      const end = () => response.end(content.subarray(500));
      if (open) end();
      else waiting.push(end);
      files.emit('came');
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    await kill();
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
    rmSync(folder, { recursive: true });
  });

  const modelsDir = () => join(folder, 'models');
  const kill = async () => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  };
  const start = async (): Promise<string> => {
    const child = spawn(process.execPath, [bin, '--config', 'config.mjs', '--models-dir', modelsDir(), '--port', '0'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    server = child;
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (said += piece));
    while (!/http:\S+/.test(said))
      await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => assert.fail('the server ended'))]);
    return /http:\S+/.exec(said)![0];
  };
  const downloads = async (url: string) =>
    ((await (await fetch(`${url}/downloads`)).json()) as { downloads: View[] }).downloads;
  const untilWaiting = async (count: number) => {
    while (waiting.length < count) await once(files, 'came');
  };

  it('continue, finish together and leave nothing behind', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `m${index}`);
    const first = await start();
    for (const name of names) {
      const answer = await fetch(`${first}/download`, {
        method: 'POST',
        body: JSON.stringify({ reference: `${origin}/${name}.gguf`, name }),
      });
      assert.equal(answer.status, 202, await answer.text());
    }
    await untilWaiting(8);
    const pid = server!.pid!;
    await kill();

    // What a kill at a worse moment leaves: half-written files, and folders that were being made or deleted.
    const leftover = `.lamina-${pid}-0123456789ab.tmp`;
    const dataDir = join(modelsDir(), '.lamina');
    const left = [
      join(dataDir, leftover),
      join(modelsDir(), leftover),
      join(modelsDir(), 'm0', leftover),
      join(modelsDir(), '.downloads', 'dl-0123456789ab', leftover),
      join(modelsDir(), '.downloads', 'dl-ba9876543210.removed', '0.part'),
    ];
    const job = readdirSync(join(modelsDir(), '.downloads'))[0]!;
    left.push(join(modelsDir(), '.downloads', job, leftover));
    for (const path of left) {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, 'half of something');
    }
    // Those of a process that lives are in use.
    const foreign = join(modelsDir(), `.lamina-${process.pid}-0123456789ab.tmp`);
    writeFileSync(foreign, 'half of something');

    waiting = [];
    const second = await start();
    for (const path of left) assert.ok(!existsSync(path), `${path} is still there`);
    assert.ok(existsSync(foreign));
    await untilWaiting(8);
    open = true;
    for (const end of waiting) end();
    await until('no download is under way', async () =>
      (await downloads(second)).every(({ state }) => state !== 'queued' && state !== 'active'),
    );
    assert.deepEqual(
      (await downloads(second)).map(({ state, error }) => [state, error]),
      names.map(() => ['finished', undefined]),
    );
    for (const name of names)
      assert.match(
        readFileSync(join(modelsDir(), name, `${name}.gguf`), 'utf8'),
        new RegExp(`^GGUF /${name}\\.gguf\\.+$`),
      );
    const known = JSON.parse(readFileSync(join(dataDir, 'known-files.json'), 'utf8')) as object[];
    assert.equal(known.length, names.length);
    assert.deepEqual(readdirSync(join(modelsDir(), '.downloads')), []);
  });
});
