// Runs the real nginx and other programs without root, with all files in one folder.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Path of nginx. */
export const nginx = inPath('nginx');

/** Path of Debian's docker-registry. */
export const dockerRegistry = inPath('docker-registry');

/** A suite that needs programs of the system; skipped when some are missing, with their names in its title. */
export function describeWith(
  programs: Readonly<Record<string, string | undefined>>,
  title: string,
  suite: (this: Mocha.Suite) => void,
): void {
  const missing = Object.keys(programs).filter((name) => programs[name] === undefined);
  if (missing.length === 0) describe(title, suite);
  else
    describe.skip(
      `${title} (skipped: not installed: ${missing.join(', ')}; see scripts/get-programs.sh and scripts/get-llama.sh)`,
      suite,
    );
}

/** Free ports. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

/** A running nginx. */
export interface Nginx {
  /** Kills and restarts it with the same configuration, which closes all connections. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts nginx with these parts of its `http` block; resolves when `port` responds. */
export async function startNginx(folder: string, http: string, port: number): Promise<Nginx> {
  await mkdir(folder, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  await writeFile(
    join(folder, 'nginx.conf'),
    `${user} daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/errors;\nevents { worker_connections 256; }\nhttp { access_log off; sendfile on; default_type application/octet-stream; ${temporary}\n${http}\n}\n`,
  );
  const start = () =>
    startServer(
      nginx!,
      ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'errors')],
      `http://127.0.0.1:${port}/`,
    );
  let child = await start();
  return {
    crash: async () => {
      await stop(child, 'SIGKILL');
      child = await start();
    },
    stop: () => stop(child),
  };
}

/**
 * Starts a program; resolves when its URL responds.
 * @throws when it exits before that, with its output
 */
export async function startServer(program: string, args: readonly string[], url: string): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => (printed += String(chunk)));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${program} exited: ${printed.slice(-2000)}`);
    if (
      (await fetch(url, { headers: { connection: 'close' } }).then(
        (response) => response.text(),
        () => undefined,
      )) !== undefined
    )
      return child;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Stops a program and waits until it has exited. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

/** Path of a program, which may be in a folder that only root has in PATH. */
export function inPath(name: string): string | undefined {
  try {
    return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  } catch {
    return ['/usr/sbin', '/usr/local/sbin'].map((folder) => join(folder, name)).find(existsSync);
  }
}
