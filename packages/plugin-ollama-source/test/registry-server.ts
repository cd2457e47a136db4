// A registry on two ports of this machine: one for manifests and blobs, one for the redirected bytes. It can
// require tokens as registries do.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';

/** A layer: the suffix of its media type, and its content. */
export type Layers = readonly (readonly [kind: string, content: string | Buffer])[];

/** A received request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** Writes a manifest in the format of Ollama; `keep` is called with every blob. */
export function manifestOf(layers: Layers, config: object, keep: (digest: string, content: Buffer) => void): string {
  const blob = (content: string | Buffer) => {
    const bytes = Buffer.from(content);
    keep(digestOf(bytes), bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...blob(JSON.stringify(config)) },
    layers: layers.map(([kind, content]) => ({ mediaType: `application/vnd.ollama.image.${kind}`, ...blob(content) })),
  });
}

export function digestOf(content: string | Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

export class RegistryServer {
  readonly seen: Seen[] = [];
  readonly seenByStore: Seen[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** Blobs are redirected to the store, as at Ollama; false: plain 200, as at a private registry. */
  redirects = true;
  /** The anonymous token; `undefined`: none is required. */
  token: string | undefined;
  /** The URL for tokens, when it is on another host. */
  realm: string | undefined;
  private readonly manifests = new Map<string, string>();
  private readonly special = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();

  private constructor(
    private readonly registry: Server,
    private readonly store: Server,
  ) {
    registry.on('request', (request: IncomingMessage, response: ServerResponse) => this.answer(request, response));
    store.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.seenByStore.push(seenOf(request));
      this.serveBlob(new URL(request.url!, 'http://x').pathname.slice(1), request, response);
    });
  }

  static async open(): Promise<RegistryServer> {
    const server = new RegistryServer(createServer(), createServer());
    await Promise.all(
      [server.registry, server.store].map(
        (one) => new Promise<void>((listening) => one.listen(0, '127.0.0.1', listening)),
      ),
    );
    return server;
  }

  /** `127.0.0.1:4711`. */
  get host(): string {
    return `127.0.0.1:${(this.registry.address() as AddressInfo).port}`;
  }

  get storeHost(): string {
    return `127.0.0.1:${(this.store.address() as AddressInfo).port}`;
  }

  /** Adds a model as `namespace/model:tag`; returns its manifest. */
  add(name: string, layers: Layers, config: object = {}): string {
    const text = manifestOf(layers, config, (digest, content) => void this.blobs.set(digest, content));
    const [path, tag] = name.split(':');
    this.manifests.set(`/v2/${path}/manifests/${tag}`, text);
    return text;
  }

  on(path: string, handler: (request: IncomingMessage, response: ServerResponse) => void): void {
    this.special.set(path, handler);
  }

  refuse(path: string, status: number, headers: Record<string, string> = {}, body = ''): void {
    this.on(path, (_, response) => response.writeHead(status, headers).end(body));
  }

  async close(): Promise<void> {
    for (const one of [this.registry, this.store]) {
      one.closeAllConnections();
      await new Promise((closed) => one.close(closed));
    }
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    this.seen.push(seenOf(request));
    const { pathname, searchParams } = new URL(request.url!, `http://${this.host}`);
    const special = this.special.get(pathname) ?? this.special.get('');
    if (special !== undefined) return special(request, response);
    if (pathname === '/token')
      return void response.end(
        JSON.stringify({ token: this.token, service: searchParams.get('service'), scope: searchParams.get('scope') }),
      );
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`)
      return this.challenge(pathname, response);
    const manifest = this.manifests.get(pathname);
    if (manifest !== undefined) return this.serveManifest(manifest, request, response);
    const [, digest] = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(pathname) ?? [];
    if (digest === undefined) return fail(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    if (this.redirects)
      return void response
        .writeHead(307, {
          location: `http://${this.storeHost}/${digest}?X-Amz-Date=20300101T000000Z&X-Amz-Expires=600`,
        })
        .end();
    this.serveBlob(digest, request, response);
  }

  private challenge(path: string, response: ServerResponse): void {
    const [, repository] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(path) ?? [];
    const realm = this.realm ?? `http://${this.host}/token`;
    fail(response, 401, 'UNAUTHORIZED', 'authentication required', {
      'www-authenticate': `Bearer realm="${realm}",service="registry",scope="repository:${repository}:pull"`,
    });
  }

  private serveManifest(text: string, request: IncomingMessage, response: ServerResponse): void {
    if (!(request.headers.accept ?? '').includes(manifestType))
      return fail(response, 400, 'MANIFEST_INVALID', 'manifest invalid');
    response.writeHead(200, { 'content-type': manifestType, 'docker-content-digest': digestOf(text) }).end(text);
  }

  private serveBlob(digest: string, request: IncomingMessage, response: ServerResponse): void {
    const content = this.blobs.get(digest);
    if (content === undefined) return fail(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    if (start === undefined) return void response.writeHead(200, { 'content-length': content.length }).end(content);
    const part = content.subarray(Number(start), end === '' ? undefined : Number(end) + 1);
    response
      .writeHead(206, {
        'content-length': part.length,
        'content-range': `bytes ${start}-${Number(start) + part.length - 1}/${content.length}`,
      })
      .end(part);
  }
}

function seenOf({ method = '', url = '', headers }: IncomingMessage): Seen {
  return { method, url, authorization: headers.authorization, range: headers.range };
}

function fail(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ errors: [{ code, message }] }));
}
