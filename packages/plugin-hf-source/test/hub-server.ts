// A Hub on two ports of this machine: one for the API, one for the files, since the Hub and its CDN are two
// origins. It responds as the Hub's clients expect: pages with Link headers, X-Linked-* on the redirect,
// X-Error-Code on an error.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file; without `small` it is in large-file storage, like weights. */
export interface HubFile {
  readonly content: string | Buffer;
  readonly small?: boolean;
}

/** A repository. */
export interface HubRepository {
  readonly commit?: string;
  readonly gated?: 'auto' | 'manual';
  readonly disabled?: boolean;
  readonly downloads?: number;
  /** Its task, as `pipeline_tag`. */
  readonly task?: string;
  readonly files: Readonly<Record<string, string | Buffer | HubFile>>;
}

/** A received request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** The commit of a repository that specifies none. */
export const commit = '0123456789abcdef0123456789abcdef01234567';

export class HubServer {
  readonly seen: Seen[] = [];
  readonly seenByCdn: Seen[] = [];
  readonly repositories = new Map<string, HubRepository>();
  /** Entries per page of a listing. */
  pageSize = 1000;
  /** The base of links to the next page; default this server. */
  linkBase: string | undefined;
  /** The base of redirects to the files; default the origin of the CDN. */
  cdnCalled: string | undefined;
  /** A prefix of all paths of the Hub, for mirrors. */
  prefix = '';
  private readonly special = new Map<string, Handler>();

  private constructor(
    private readonly hub: Server,
    private readonly cdn: Server,
  ) {
    hub.on('request', (request: IncomingMessage, response: ServerResponse) => this.answer(request, response));
    cdn.on('request', (request: IncomingMessage, response: ServerResponse) => this.serveBytes(request, response));
  }

  static async open(repositories: Readonly<Record<string, HubRepository>> = {}): Promise<HubServer> {
    const server = new HubServer(createServer(), createServer());
    await Promise.all(
      [server.hub, server.cdn].map((one) => new Promise<void>((listening) => one.listen(0, '127.0.0.1', listening))),
    );
    for (const [name, repository] of Object.entries(repositories)) server.repositories.set(name, repository);
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.hub.address() as AddressInfo).port}${this.prefix}`;
  }

  get cdnUrl(): string {
    return `http://127.0.0.1:${(this.cdn.address() as AddressInfo).port}`;
  }

  /** Sets the handler of a path: `''` is any path. */
  on(path: string, handler: Handler): void {
    this.special.set(path, handler);
  }

  /** Rejects requests to a path. */
  refuse(path: string, status: number, headers: Record<string, string> = {}, body = ''): void {
    this.on(path, (_, response) => response.writeHead(status, headers).end(body));
  }

  async close(): Promise<void> {
    for (const one of [this.hub, this.cdn]) {
      one.closeAllConnections();
      await new Promise((closed) => one.close(closed));
    }
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    this.seen.push(seenOf(request));
    const { pathname, searchParams } = new URL(request.url!, this.url);
    const path = pathname.slice(this.prefix.length);
    const special = this.special.get(path) ?? this.special.get('');
    if (special !== undefined) return special(request, response);
    if (path === '/api/models') return this.search(searchParams, response);
    const [, api, revision] = /^\/api\/models\/(.+?)\/revision\/([^/]+)$/.exec(path) ?? [];
    if (api !== undefined) return this.info(api, decodeURIComponent(revision!), response);
    const [, listed] = /^\/api\/models\/(.+?)\/tree\/[^/]+$/.exec(path) ?? [];
    if (listed !== undefined) return this.tree(listed, path, Number(searchParams.get('cursor') ?? 0), response);
    const [, repo, , file] = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (repo !== undefined) return this.resolve(repo, decodeURIComponent(file!), response);
    response.writeHead(404).end();
  }

  private info(repo: string, revision: string, response: ServerResponse): void {
    const found = this.repositories.get(repo);
    if (found === undefined)
      return void response
        .writeHead(401, { 'x-error-code': 'RepoNotFound' })
        .end('{"error":"Invalid username or password."}');
    const { commit: sha = commit, gated = false, disabled = false } = found;
    if (!['main', 'v1', 'refs/pr/1', sha].includes(revision))
      return void response
        .writeHead(404, { 'x-error-code': 'RevisionNotFound', 'x-error-message': `Invalid rev id: ${revision}` })
        .end();
    json(response, {
      _id: '1',
      id: repo,
      sha,
      private: false,
      gated,
      disabled,
      likes: 0,
      downloads: 0,
      lastModified: '2026-01-01T00:00:00.000Z',
    });
  }

  /** Repositories with this text in their names, and with a GGUF file if `filter` says so, the most downloaded first. */
  private search(query: URLSearchParams, response: ServerResponse): void {
    const text = (query.get('search') ?? '').toLowerCase();
    const matching = [...this.repositories]
      .filter(([id, { files }]) => {
        const isOfFormat = query.get('filter') !== 'gguf' || Object.keys(files).some((path) => path.endsWith('.gguf'));
        return isOfFormat && id.toLowerCase().includes(text);
      })
      .sort(([, a], [, b]) => (b.downloads ?? 0) - (a.downloads ?? 0));
    const from = Number(query.get('cursor') ?? 0);
    const to = from + Math.min(Number(query.get('limit')), this.pageSize);
    const entries = matching
      .slice(from, to)
      .map(([id, { gated = false, disabled = false, downloads = 0, ...found }]) => ({
        _id: '1',
        id,
        private: false,
        gated,
        disabled,
        downloads,
        likes: 3,
        lastModified: '2026-01-31T12:00:00.000Z',
        ...(found.task === undefined ? {} : { pipeline_tag: found.task }),
        siblings: Object.keys(found.files).map((rfilename) => ({ rfilename })),
      }));
    query.set('cursor', String(to));
    const next = `<${this.linkBase ?? this.url}/api/models?${query}>; rel="next"`;
    json(response, entries, to < matching.length ? { link: next } : {});
  }

  private tree(repo: string, path: string, from: number, response: ServerResponse): void {
    const entries = Object.entries(this.repositories.get(repo)!.files).map(([name, file]) => treeEntry(name, file));
    const more = from + this.pageSize < entries.length;
    const next = `<${this.linkBase ?? this.url}${path}?recursive=true&expand=false&cursor=${from + this.pageSize}>; rel="next"`;
    json(
      response,
      [{ type: 'directory', oid: 'd', size: 0, path: 'docs' }, ...entries.slice(from, from + this.pageSize)],
      more ? { link: next } : {},
    );
  }

  private resolve(repo: string, path: string, response: ServerResponse): void {
    const { files, commit: sha = commit } = this.repositories.get(repo) ?? { files: {} };
    const file = files[path];
    if (file === undefined) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    const { content, small } = normalized(file);
    const hash = sha256(content);
    if (small === true)
      return void response
        .writeHead(200, { 'x-repo-commit': sha, 'content-length': Buffer.byteLength(content) })
        .end(content);
    const linked = {
      'x-repo-commit': sha,
      'x-linked-size': String(Buffer.byteLength(content)),
      'x-linked-etag': `"${hash}"`,
      etag: '"pointer"',
    };
    response
      .writeHead(302, {
        ...linked,
        location: `${this.cdnCalled ?? this.cdnUrl}/${repo}/${encodeURIComponent(path)}?Expires=4102444800&Signature=s`,
      })
      .end();
  }

  private serveBytes(request: IncomingMessage, response: ServerResponse): void {
    this.seenByCdn.push(seenOf(request));
    const { pathname } = new URL(request.url!, this.cdnUrl);
    const slash = pathname.lastIndexOf('/');
    const file = this.repositories.get(pathname.slice(1, slash))?.files[decodeURIComponent(pathname.slice(slash + 1))];
    if (file === undefined) return void response.writeHead(403).end();
    const content = Buffer.from(normalized(file).content);
    const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    if (start === undefined)
      return void response
        .writeHead(200, { 'content-length': content.length, 'accept-ranges': 'bytes', etag: '"xet"' })
        .end(content);
    const part = content.subarray(Number(start), end === '' ? undefined : Number(end) + 1);
    response
      .writeHead(206, {
        'content-length': part.length,
        'content-range': `bytes ${start}-${Number(start) + part.length - 1}/${content.length}`,
        etag: '"xet"',
      })
      .end(part);
  }
}

/** The entry of a file in a listing. */
export function treeEntry(path: string, file: string | Buffer | HubFile): object {
  const { content, small } = normalized(file);
  const size = Buffer.byteLength(content);
  const entry = { type: 'file', oid: '1'.repeat(40), size, path };
  return small === true
    ? entry
    : { ...entry, lfs: { oid: sha256(content), size, pointerSize: 134 }, xetHash: '2'.repeat(64) };
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function normalized(file: string | Buffer | HubFile): HubFile {
  return typeof file === 'string' || Buffer.isBuffer(file) ? { content: file } : file;
}

function seenOf({ method = '', url = '', headers }: IncomingMessage): Seen {
  return { method, url, authorization: headers.authorization, range: headers.range };
}

function json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(body));
}
