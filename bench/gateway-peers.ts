// The gateways that are compared, in front of one fake engine: all on one processor, the clients and the engine on
// another.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fakeEngine } from '@lamina/testing';
import { request } from 'undici';
import { freePort } from './free-port.js';
import { eventsPerStream } from './gateway-clients.js';
import { printed } from './printed.js';

/** A server that passes requests on to the engine. */
export interface Gateway {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
}

const clientProcessor = '0';
const gatewayProcessor = '1';

/** Lamina, a bare relay in Node, nginx and caddy where they are installed, and Lamina with a plugin that changes every chunk. */
export class Gateways {
  readonly #children: ChildProcess[] = [];
  readonly #directory: string;
  readonly #taskset = availableParallelism() > 1 ? inPath('taskset') : undefined;
  #all: readonly Gateway[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async start(): Promise<Gateways> {
    const gateways = new Gateways(await mkdtemp(join(tmpdir(), 'lamina-bench-')));
    try {
      gateways.#pinClients();
      const engine = await gateways.#engine();
      const started = [
        await gateways.#lamina(engine),
        await gateways.#relay(engine),
        await gateways.#nginx(engine),
        await gateways.#caddy(engine),
        await gateways.#tapped(engine),
      ];
      gateways.#all = started.filter((gateway) => gateway !== undefined);
      return gateways;
    } catch (error) {
      await gateways.stop();
      throw error;
    }
  }

  /** Lamina first, then the relay. */
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

  /** Pins this process, and with it the engine. */
  #pinClients(): void {
    if (this.#taskset === undefined)
      console.log('Processes are not pinned to processors: that needs taskset and a second processor.');
    else execFileSync(this.#taskset, ['-a', '-c', '-p', clientProcessor, String(process.pid)], { stdio: 'ignore' });
  }

  async #engine(): Promise<string> {
    const { executable, args, env } = fakeEngine({
      model: 'bench',
      behaviour: { chunks: eventsPerStream, chunk_ms: 1 },
    });
    const child = this.#spawn(executable, args, { ...process.env, ...env });
    return (await printed(child, /listening on (http:\/\/\S+)/))[1]!;
  }

  /** The command, with the plugins that it loads by default. */
  async #lamina(engine: string): Promise<Gateway> {
    return this.#laminaServer('lamina', engine);
  }

  async #tapped(engine: string): Promise<Gateway> {
    const config = join(this.#directory, 'tapped.mjs');
    await writeFile(config, tappedConfig);
    return this.#laminaServer('tapped', engine, ['--config', config]);
  }

  async #laminaServer(name: string, engine: string, flags: readonly string[] = []): Promise<Gateway> {
    const program = fileURLToPath(new URL('../../packages/server-koa/bin/lamina-server.js', import.meta.url));
    const directory = join(this.#directory, name);
    await mkdir(directory);
    await writeFile(join(directory, 'models.yaml'), laminaManifest(engine));
    const args = [program, '--port', '0', '--models-dir', directory, ...flags];
    const child = this.#spawnGateway(process.execPath, args);
    return { name, url: (await printed(child, /(http:\/\/\S+)\n/))[1]!, child };
  }

  async #relay(engine: string): Promise<Gateway> {
    const program = fileURLToPath(new URL('./gateway-relay.js', import.meta.url));
    const child = this.#spawnGateway(process.execPath, [program, engine]);
    return { name: 'relay', url: (await printed(child, /(http:\/\/\S+)\n/))[1]!, child };
  }

  async #nginx(engine: string): Promise<Gateway | undefined> {
    const nginx = findPeer('nginx');
    if (nginx === undefined) return undefined;
    const port = await freePort();
    const file = join(this.#directory, 'nginx.conf');
    await writeFile(file, nginxConfig(this.#directory, port, engine));
    return listening('nginx', port, this.#spawnGateway(nginx, ['-c', file, '-p', this.#directory]));
  }

  async #caddy(engine: string): Promise<Gateway | undefined> {
    const caddy = findPeer('caddy');
    if (caddy === undefined) return undefined;
    const port = await freePort();
    const file = join(this.#directory, 'Caddyfile');
    await writeFile(file, caddyConfig(port, engine));
    const env = { ...process.env, XDG_DATA_HOME: this.#directory, XDG_CONFIG_HOME: this.#directory };
    const args = ['run', '--config', file, '--adapter', 'caddyfile'];
    return listening('caddy', port, this.#spawnGateway(caddy, args, env));
  }

  #spawnGateway(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess {
    if (this.#taskset === undefined) return this.#spawn(program, args, env);
    return this.#spawn(this.#taskset, ['-c', gatewayProcessor, program, ...args], env); // taskset becomes the program.
  }

  #spawn(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.push(child);
    return child;
  }
}

function findPeer(name: string): string | undefined {
  const program = inPath(name);
  if (program === undefined) console.log(`${name} is skipped: it is not in PATH.`);
  return program;
}

function inPath(name: string): string | undefined {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A plugin that changes every chunk. */
const tappedConfig = `
const tap = (response) => response.chunks({ each: (chunk) => ({ ...chunk, model: 'renamed' }) });
export default {
  plugins: [{ name: 'renaming', setup: (lamina) => lamina.hooks.transformResponse.tap(tap) }],
};
`;

function laminaManifest(engine: string): string {
  return `
backends:
  bench: { type: remote, base_url: '${engine}/v1' }
models:
  bench: { path: remote, format: remote, backend: bench }
`;
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
