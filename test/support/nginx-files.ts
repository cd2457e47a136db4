// A real nginx that serves a folder, when this machine has one.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Where nginx is. */
export const nginx = find();

/** Serves `folder` below an address, each connection at most so fast (`200k`; `0` is as fast as it can). The answer ends it. */
export async function startNginx(folder: string, work: string, rate = '0'): Promise<{ origin: string; port: number; kill(): Promise<void> }> {
  return startOn(await freePort(), folder, work, rate);
}

/** The same on a port that is known, as after a crash of the server. */
export async function startOn(port: number, folder: string, work: string, rate: string): Promise<{ origin: string; port: number; kill(): Promise<void> }> {
  mkdirSync(work, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(work, name)};`).join(' ');
  const user = process.getuid?.() === 0 ? 'user root; ' : '';
  writeFileSync(join(work, 'nginx.conf'), `${user}daemon off; master_process off; pid ${join(work, 'pid')}; events { } http { access_log off; ${temporary} default_type application/octet-stream; sendfile on; server { listen 127.0.0.1:${port}; root ${folder}; limit_rate ${rate}; } }`);
  const child = spawn(nginx!, ['-p', work, '-c', join(work, 'nginx.conf'), '-e', join(work, 'error.log')], { stdio: 'ignore' });
  const origin = `http://127.0.0.1:${port}`;
  while (!(await answers(origin))) {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}; see ${join(work, 'error.log')}`);
    await delay(20);
  }
  return { origin, port, kill: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function answers(origin: string): Promise<boolean> {
  return fetch(origin, { headers: { connection: 'close' } }).then(
    async (response) => (await response.arrayBuffer(), true),
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function find(): string | undefined {
  try {
    return execFileSync('sh', ['-c', 'command -v nginx || ls /usr/sbin/nginx'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined;
  } catch {
    return undefined;
  }
}
