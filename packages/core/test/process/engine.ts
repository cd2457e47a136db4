// A small engine for the tests of this fixture: a real process that follows its one argument.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

/** The instructions to the process; `main` below follows them. */
export interface EngineScript {
  /** Printed to stderr before anything else. */
  readonly print?: readonly string[];
  /** Exits right after that. */
  readonly exit?: { readonly code?: number; readonly signal?: NodeJS.Signals };
  /** Responds 503 until `/control/ready` is requested, and again after `/control/loading`. */
  readonly loading?: boolean;
  /** Prints a line for each request to `/health`. */
  readonly printsProbes?: boolean;
  /** Accepts any key. */
  readonly open?: boolean;
  /** Never opens its port; ends only on a signal. */
  readonly silent?: boolean;
  /** Accepts connections and never responds on `/health`. */
  readonly hangs?: boolean;
  /** Prints the count of SIGTERMs and ignores them. */
  readonly ignoresTerm?: boolean;
  /** Starts a child that ignores SIGTERM, and prints its pid. */
  readonly grandchild?: boolean;
}

export const engineFile = new URL('./engine.js', import.meta.url).pathname;

function main(script: EngineScript, port: number, key: string): void {
  for (const line of script.print ?? []) process.stderr.write(`${line}\n`);
  if (script.exit?.signal !== undefined) process.kill(process.pid, script.exit.signal);
  if (script.exit?.code !== undefined) process.exit(script.exit.code);
  if (script.ignoresTerm === true) countTerms();
  if (script.grandchild === true)
    spawn('/bin/sh', ['-c', `trap '' TERM; echo grandchild $$; while :; do sleep 1; done`], { stdio: 'inherit' });
  if (script.silent === true) setInterval(() => undefined, 1 << 30);
  else serve(script, port, key);
}

function countTerms(): void {
  let count = 0;
  process.on('SIGTERM', () => console.log(`term ${(count += 1)}`));
}

function serve(script: EngineScript, port: number, key: string): void {
  let loading = script.loading === true;
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://engine');
    const allowed = script.open === true || request.headers.authorization === `Bearer ${key}`;
    if (pathname === '/control/exit') process.exit(Number(searchParams.get('code')));
    if (pathname === '/control/ready') loading = false;
    if (pathname === '/control/loading') loading = true;
    if (pathname === '/control/echo') return void response.writeHead(500).end(request.headers.authorization);
    if (pathname === '/health' && script.printsProbes === true) console.log('probe');
    if (pathname === '/health' && script.hangs === true) return;
    const status = pathname.startsWith('/control/')
      ? 200
      : loading
        ? 503
        : pathname === '/health'
          ? 200
          : allowed
            ? 200
            : 401;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ status, path: pathname }));
  });
  server.on('error', (error: NodeJS.ErrnoException) => {
    process.stderr.write(`error: cannot bind port ${port}: ${error.code}\n`);
    process.exit(1);
  });
  server.listen(port, '127.0.0.1', () => console.log(`listening ${port}`));
}

if (process.argv[1] === engineFile)
  main(JSON.parse(process.argv[2]!) as EngineScript, Number(process.argv[3]), process.env['ENGINE_KEY'] ?? '');
