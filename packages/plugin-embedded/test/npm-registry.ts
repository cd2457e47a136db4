// A loopback npm registry with tiny packages in place of node-llama-cpp and its build, and the lock file that
// pins them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Build } from '../dist/platform.js';

export const build: Build = { name: 'cpu', gpu: false, packages: ['@node-llama-cpp/tiny'] };
const version = '9.9.9';

/** The registry, which a test may change: requests without a response hang. */
export class NpmRegistry {
  isResponding = true;
  /** Requested tarballs. */
  fetched = 0;
  private readonly sockets = new Set<Socket>();
  private readonly waiting: (() => void)[] = [];
  private onRequest = () => {};

  private constructor(
    private readonly server: Server,
    private readonly tarballs: ReadonlyMap<string, Buffer>,
    readonly lock: URL,
  ) {}

  static async open(folder: string): Promise<NpmRegistry> {
    const names = ['node-llama-cpp', ...build.packages];
    const tarballs = new Map(await Promise.all(names.map(async (name) => [name, await packed(folder, name)] as const)));
    const lock = join(folder, 'lock.json');
    const packages = Object.fromEntries(
      [...tarballs].map(([name, bytes]) => [`node_modules/${name}`, { version, integrity: integrityOf(bytes) }]),
    );
    await writeFile(lock, JSON.stringify({ lockfileVersion: 3, requires: true, packages }));
    const server = createServer();
    const registry = new NpmRegistry(server, tarballs, pathToFileURL(lock));
    server.on('connection', (socket) => void registry.sockets.add(socket));
    server.on('request', (request, response) =>
      registry.respond(
        decodeURIComponent(request.url ?? ''),
        (type, body) => void response.writeHead(200, { 'content-type': type, connection: 'close' }).end(body),
      ),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  /** Resolves at the next request. */
  nextRequest(): Promise<void> {
    return new Promise((resolve) => (this.onRequest = resolve));
  }

  /** Responds to the hanging requests and to all later ones. */
  release(): void {
    this.isResponding = true;
    for (const respond of this.waiting.splice(0)) respond();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private respond(path: string, send: (type: string, body: Buffer | string) => void): void {
    this.onRequest();
    if (!this.isResponding) return void this.waiting.push(() => this.respond(path, send));
    const name = path.slice(1).replace(/\/-\/.*$/, '');
    const bytes = this.tarballs.get(name)!;
    if (path.endsWith('.tgz')) {
      this.fetched += 1;
      return send('application/octet-stream', bytes);
    }
    const dist = { tarball: `${this.url}${name}/-/package-${version}.tgz`, integrity: integrityOf(bytes) };
    send(
      'application/json',
      JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: { name, version, dist } } }),
    );
  }
}

async function packed(folder: string, name: string): Promise<Buffer> {
  const packageDir = join(folder, 'packed', name);
  await mkdir(join(packageDir, 'package'), { recursive: true });
  await writeFile(join(packageDir, 'package', 'package.json'), JSON.stringify({ name, version }));
  execFileSync('tar', ['-czf', 'package.tgz', 'package'], { cwd: packageDir });
  return readFile(join(packageDir, 'package.tgz'));
}

function integrityOf(bytes: Buffer): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}
