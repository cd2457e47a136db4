// A model registry like Ollama's: Debian's docker-registry behind an nginx that redirects to blobs.
import { createHash } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dockerRegistry, freePorts, startNginx, startServer, stop, type Nginx } from './nginx.js';

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';

export class RealRegistry {
  private constructor(
    private readonly nginx: Nginx,
    private readonly registry: ChildProcess,
    private readonly folder: string,
    /** Serves manifests and redirects requests for blobs. */
    readonly host: string,
    /** Serves the redirected blobs. */
    readonly storeHost: string,
    /** The registry without redirects. */
    readonly plainHost: string,
  ) {}

  /** Starts it. `bytesPerSecond` limits each connection for blobs; 0 is unlimited. */
  static async open(folder: string, options: { bytesPerSecond?: number } = {}): Promise<RealRegistry> {
    const [front, store, back] = (await freePorts(3)) as [number, number, number];
    await mkdir(join(folder, 'data'), { recursive: true });
    const config = `version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage: { filesystem: { rootdirectory: ${folder}/data }, delete: { enabled: true } }\nhttp: { addr: "127.0.0.1:${back}" }\n`;
    await writeFile(join(folder, 'registry.yml'), config);
    const registry = await startServer(
      dockerRegistry!,
      ['serve', join(folder, 'registry.yml')],
      `http://127.0.0.1:${back}/v2/`,
    );
    const pass = `proxy_pass http://127.0.0.1:${back}; proxy_set_header Host $http_host;`;
    const servers = [
      `server { listen 127.0.0.1:${front}; location ~ ^/v2/.*/blobs/ { return 307 http://127.0.0.1:${store}$request_uri; } location / { ${pass} } }`,
      `server { listen 127.0.0.1:${store}; location / { if ($http_authorization) { return 400; } ${pass} limit_rate ${options.bytesPerSecond ?? 0}; } }`,
    ];
    const nginx = await startNginx(join(folder, 'nginx'), servers.join('\n'), front);
    return new RealRegistry(nginx, registry, folder, `127.0.0.1:${front}`, `127.0.0.1:${store}`, `127.0.0.1:${back}`);
  }

  /** Publishes a model such as `library/tiny:latest`; layers are suffixes of media types with their content. */
  async push(
    name: string,
    layers: readonly (readonly [kind: string, content: Buffer | string])[],
    config: object,
  ): Promise<void> {
    const [repository, tag] = name.split(':') as [string, string];
    const blob = async (mediaType: string, content: Buffer | string) => ({
      mediaType,
      ...(await this.pushBlob(repository, Buffer.from(content))),
    });
    const manifest = {
      schemaVersion: 2,
      mediaType: manifestType,
      config: await blob('application/vnd.docker.container.image.v1+json', JSON.stringify(config)),
      layers: await Promise.all(layers.map(([kind, content]) => blob(`application/vnd.ollama.image.${kind}`, content))),
    };
    const url = `http://${this.plainHost}/v2/${repository}/manifests/${tag}`;
    await expectStatus(201, url, {
      method: 'PUT',
      headers: { 'content-type': manifestType },
      body: JSON.stringify(manifest),
    });
  }

  /** Path of a blob, for tests that corrupt it. */
  pathOf(sha256: string): string {
    return join(this.folder, 'data', 'docker', 'registry', 'v2', 'blobs', 'sha256', sha256.slice(0, 2), sha256, 'data');
  }

  /** Closes all connections. */
  crash(): Promise<void> {
    return this.nginx.crash();
  }

  async close(): Promise<void> {
    await this.nginx.stop();
    await stop(this.registry);
  }

  private async pushBlob(repository: string, content: Buffer): Promise<{ digest: string; size: number }> {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    const started = await expectStatus(202, `http://${this.plainHost}/v2/${repository}/blobs/uploads/`, {
      method: 'POST',
    });
    const url = new URL(started.headers.get('location')!, `http://${this.plainHost}`);
    url.searchParams.set('digest', digest);
    await expectStatus(201, url.href, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(content),
    });
    return { digest, size: content.length };
  }
}

async function expectStatus(status: number, url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.status !== status) throw new Error(`${init.method} ${url}: ${response.status} ${text}`);
  return response;
}
