// The gateways that are compared, each with one worker or processor, before one fake engine.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fakeEngine } from '@lamina/testing';
import { request } from 'undici';
import { freePort } from './free-port.js';
import { eventsPerStream } from './gateway-clients.js';

/** Something that hands requests on to the engine. */
export interface Gateway {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
}

/** Lamina, and those of nginx and caddy that this machine has. */
export class Gateways {
  readonly #children: ChildProcess[] = [];
  readonly #directory: string;
  #all: readonly Gateway[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async start(): Promise<Gateways> {
    const gateways = new Gateways(await mkdtemp(join(tmpdir(), 'lamina-bench-')));
    try {
      const engine = await gateways.#engine();
      gateways.#all = [await gateways.#lamina(engine), ...(await gateways.#peers(engine))];
      return gateways;
    } catch (error) {
      await gateways.stop();
      throw error;
    }
  }

  /** Lamina first. */
  get all(): readonly Gateway[] {
    return this.#all;
  }

  async stop(): Promise<void> {
    const running = this.#children.filter((child) => child.exitCode === null && child.signalCode === null);
    const ended = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill('SIGTERM');
    await Promise.all(ended);
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #engine(): Promise<string> {
    const { executable, args, env } = fakeEngine({
      model: 'bench',
      behaviour: { chunks: eventsPerStream, chunk_ms: 1 },
    });
    const child = this.#spawn(executable, args, { ...process.env, ...env });
    return (await printed(child, /listening on (http:\/\/\S+)/))[1]!;
  }

  async #lamina(engine: string): Promise<Gateway> {
    const program = fileURLToPath(new URL('../../packages/server-koa/bin/lamina-server.js', import.meta.url));
    const config = fileURLToPath(new URL('./gateway-config.js', import.meta.url));
    const child = this.#spawn(
      process.execPath,
      [program, '--port', '0', '--models-dir', this.#directory, '--config', config],
      { ...process.env, LAMINA_BENCH_ENGINE: `${engine}/v1` },
    );
    return { name: 'lamina', url: (await printed(child, /(http:\/\/\S+)/))[1]!, child };
  }

  async #peers(engine: string): Promise<Gateway[]> {
    const peers = [await this.#nginx(engine), await this.#caddy(engine)].filter((peer) => peer !== undefined);
    if (peers.length < 2) console.log('Install nginx and caddy to have both beside Lamina.');
    return peers;
  }

  async #nginx(engine: string): Promise<Gateway | undefined> {
    const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync);
    if (nginx === undefined) return undefined;
    const port = await freePort();
    const file = join(this.#directory, 'nginx.conf');
    await writeFile(file, nginxConfig(this.#directory, port, engine));
    return listening('nginx', port, this.#spawn(nginx, ['-c', file, '-p', this.#directory]));
  }

  async #caddy(engine: string): Promise<Gateway | undefined> {
    const caddy = ['/usr/bin/caddy', '/usr/local/bin/caddy'].find(existsSync);
    if (caddy === undefined) return undefined;
    const port = await freePort();
    const file = join(this.#directory, 'Caddyfile');
    await writeFile(file, caddyConfig(port, engine));
    const env = { ...process.env, XDG_DATA_HOME: this.#directory, XDG_CONFIG_HOME: this.#directory };
    return listening('caddy', port, this.#spawn(caddy, ['run', '--config', file, '--adapter', 'caddyfile'], env));
  }

  #spawn(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.push(child);
    return child;
  }
}

function caddyConfig(port: number, engine: string): string {
  return `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  reverse_proxy ${new URL(engine).host} {
    flush_interval -1
  }
}
`;
}

function nginxConfig(directory: string, port: number, engine: string): string {
  return `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log stderr error;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  upstream engine { server ${new URL(engine).host}; keepalive 32; }
  server {
    listen 127.0.0.1:${port}; keepalive_requests 1000000;
    location / { proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`;
}

async function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let output = '';
  return new Promise((resolve, reject) => {
    const read = (text: string) => {
      output += text;
      const found = pattern.exec(output);
      if (found !== null) resolve(found);
    };
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', read);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${output}`)));
  });
}

async function listening(name: string, port: number, child: ChildProcess): Promise<Gateway> {
  child.stdout!.resume();
  child.stderr!.resume();
  const url = `http://127.0.0.1:${port}`;
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${String(code)}`)));
  ended.catch(() => undefined);
  for (;;) {
    const up = request(`${url}/health`).then(
      ({ body }) => body.dump().then(() => true),
      () => false,
    );
    if (await Promise.race([up, ended])) return { name, url, child };
  }
}
