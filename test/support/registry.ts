// Debian's docker-registry behind an nginx that redirects to its blobs: a registry as Ollama's is.
import { createHash } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dockerRegistry, freePorts, startNginx, startServer, stop } from './nginx.js';

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';

export class RealRegistry {
  private constructor(
    private readonly processes: readonly ChildProcess[],
    private readonly folder: string,
    /** Manifests are here, and blobs are redirected from here. */
    readonly host: string,
    /** The registry itself: blobs with a plain 200. */
    readonly plainHost: string,
  ) {}

  static async open(folder: string): Promise<RealRegistry> {
    const [front, back] = (await freePorts(2)) as [number, number];
    await mkdir(join(folder, 'data'), { recursive: true });
    const config = `version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage: { filesystem: { rootdirectory: ${folder}/data }, delete: { enabled: true } }\nhttp: { addr: "127.0.0.1:${back}" }\n`;
    await writeFile(join(folder, 'registry.yml'), config);
    const registry = await startServer(dockerRegistry!, ['serve', join(folder, 'registry.yml')], `http://127.0.0.1:${back}/v2/`);
    const locations = `location ~ ^/v2/.*/blobs/ { return 307 http://127.0.0.1:${back}$request_uri; } location / { proxy_pass http://127.0.0.1:${back}; proxy_set_header Host $http_host; }`;
    const nginx = await startNginx(join(folder, 'nginx'), `server { listen 127.0.0.1:${front}; ${locations} }`, front);
    return new RealRegistry([nginx, registry], folder, `127.0.0.1:${front}`, `127.0.0.1:${back}`);
  }

  /** Puts a model there, as `library/tiny:latest`; layers are the ends of their media types and what is in them. */
  async push(name: string, layers: readonly (readonly [kind: string, content: Buffer | string])[], config: object): Promise<void> {
    const [repository, tag] = name.split(':') as [string, string];
    const blob = async (mediaType: string, content: Buffer | string) => ({ mediaType, ...(await this.pushBlob(repository, Buffer.from(content))) });
    const manifest = {
      schemaVersion: 2,
      mediaType: manifestType,
      config: await blob('application/vnd.docker.container.image.v1+json', JSON.stringify(config)),
      layers: await Promise.all(layers.map(([kind, content]) => blob(`application/vnd.ollama.image.${kind}`, content))),
    };
    const url = `http://${this.plainHost}/v2/${repository}/manifests/${tag}`;
    await expectStatus(201, url, { method: 'PUT', headers: { 'content-type': manifestType }, body: JSON.stringify(manifest) });
  }

  /** Where a blob lies, for those who want to spoil it. */
  pathOf(sha256: string): string {
    return join(this.folder, 'data', 'docker', 'registry', 'v2', 'blobs', 'sha256', sha256.slice(0, 2), sha256, 'data');
  }

  async close(): Promise<void> {
    for (const child of this.processes) await stop(child);
  }

  private async pushBlob(repository: string, content: Buffer): Promise<{ digest: string; size: number }> {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    const begun = await expectStatus(202, `http://${this.plainHost}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    const url = new URL(begun.headers.get('location')!, `http://${this.plainHost}`);
    url.searchParams.set('digest', digest);
    await expectStatus(201, url.href, { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: new Uint8Array(content) });
    return { digest, size: content.length };
  }
}

async function expectStatus(status: number, url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.status !== status) throw new Error(`${init.method} ${url}: ${response.status} ${text}`);
  return response;
}
