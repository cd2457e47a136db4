// A Hugging Face Hub of static nginx configuration: two servers, so that the bytes are at another origin than the API.
import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { freePorts, startNginx, type Nginx } from './nginx.js';

/** The commit everything is at. */
export const hubCommit = 'c0ffee'.padEnd(40, '0');

export class NginxHub {
  private constructor(
    private readonly nginx: Nginx,
    readonly url: string,
    readonly cdn: string,
  ) {}

  /**
   * Serves these files as the repository `org/tiny`, one per page of its listing; `org/gated` requires a
   * token and then rejects it. `bytesPerSecond` limits each connection for bytes; 0 is unlimited.
   */
  static async open(
    folder: string,
    files: readonly string[],
    options: { bytesPerSecond?: number } = {},
  ): Promise<NginxHub> {
    const [hub, cdn] = (await freePorts(2)) as [number, number];
    await mkdir(join(folder, 'root', 'cdn'), { recursive: true });
    for (const file of files) await symlink(file, join(folder, 'root', 'cdn', basename(file)));
    const entries = await Promise.all(files.map(entryOf));
    const nginx = await startNginx(
      folder,
      `${maps(entries, hub)}\n${hubServer(entries, hub, cdn)}\n${cdnServer(join(folder, 'root'), cdn, options.bytesPerSecond ?? 0)}`,
      hub,
    );
    return new NginxHub(nginx, `http://127.0.0.1:${hub}`, `http://127.0.0.1:${cdn}`);
  }

  /** Closes every connection. */
  crash(): Promise<void> {
    return this.nginx.crash();
  }

  close(): Promise<void> {
    return this.nginx.stop();
  }
}

interface Entry {
  readonly path: string;
  readonly size: number;
  readonly oid: string;
}

async function entryOf(file: string): Promise<Entry> {
  const content = await readFile(file);
  return { path: basename(file), size: content.length, oid: createHash('sha256').update(content).digest('hex') };
}

/** One file per page; the last page has no link, and the links are absolute, like those of the Hub. */
function maps(entries: readonly Entry[], port: number): string {
  const pages = entries.map(
    (entry, page) =>
      `${page === 0 ? 'default' : `p${page}`} '${JSON.stringify([{ type: 'file', ...entry, oid: '1'.repeat(40), lfs: { oid: entry.oid, size: entry.size, pointerSize: 134 } }])}';`,
  );
  const links = entries.map(
    (_, page) =>
      `${page === 0 ? 'default' : `p${page}`} '${page + 1 < entries.length ? `<http://127.0.0.1:${port}/api/models/org/tiny/tree/${hubCommit}?recursive=true&cursor=p${page + 1}>; rel="next"` : ''}';`,
  );
  return `map $arg_cursor $page { ${pages.join(' ')} }\nmap $arg_cursor $next { ${links.join(' ')} }\nmap $http_authorization $refusal { default 403; "" 401; }\nlimit_req_zone $server_name zone=few:1m rate=1r/m;`;
}

function hubServer(entries: readonly Entry[], port: number, cdn: number): string {
  const info = (name: string, gated: string) =>
    `location = /api/models/${name}/revision/main { default_type application/json; return 200 '{"_id":"1","id":"${name}","sha":"${hubCommit}","private":false,"gated":${gated},"disabled":false}'; }`;
  const tree = (name: string, page: string) =>
    `location = /api/models/${name}/tree/${hubCommit} { default_type application/json; add_header Link $next; return 200 ${page}; }`;
  const resolve = entries.map(
    ({ path, size, oid }) =>
      `location = /org/tiny/resolve/${hubCommit}/${path} { add_header X-Repo-Commit ${hubCommit} always; add_header X-Linked-Size ${size} always; add_header X-Linked-Etag '"${oid}"' always; return 302 http://127.0.0.1:${cdn}/cdn/${path}?Expires=4102444800&Signature=signed; }`,
  );
  return `server { listen 127.0.0.1:${port}; server_name hub;
    ${info('org/tiny', 'false')} ${info('org/gated', '"manual"')} ${info('org/new', 'false')}
    ${tree('org/tiny', '$page')} ${tree('org/gated', '$page')} ${tree('org/new', '$page')}
    ${resolve.join('\n    ')}
    location /org/gated/ { add_header X-Error-Code GatedRepo always; add_header X-Error-Message "Access to model org/gated is restricted." always; if ($refusal = 401) { return 401; } return 403; }
    location /api/models/org/old/ { return 307 http://127.0.0.1:${port}/api/models/org/new/revision/main; }
    location /api/models/org/busy/ { limit_req zone=few; limit_req_status 429; add_header RateLimit '"api";r=0;t=41' always; add_header Retry-After 2 always; try_files /none =503; }
    location / { add_header X-Error-Code RepoNotFound always; return 401; } }`;
}

/** The bytes; a request with credentials is rejected, as object stores do. */
function cdnServer(root: string, port: number, bytesPerSecond: number): string {
  return `server { listen 127.0.0.1:${port}; root ${root}; location /cdn/ { if ($http_authorization) { return 400; } if ($arg_Signature = "") { return 403; } limit_rate ${bytesPerSecond}; etag on; } }`;
}
