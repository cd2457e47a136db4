// The server under test: lamina-server as a child process, stopped and restarted, with its log checked for
// internal errors.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { childrenOf, type Process } from './processes.js';
import type { Tally } from './tally.js';

const program = fileURLToPath(new URL('../../../packages/server-koa/bin/lamina-server.js', import.meta.url));
const startMs = 60_000;
const stopMs = 30_000;

/** The paths of a server. */
export interface ServerPlaces {
  readonly modelsDir: string;
  readonly keyFile: string;
  /** Its logs are written here, one file for each start. */
  readonly logDir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** One lamina-server after the other. */
export class ChaosServer {
  /** Every child process of the servers of this run, including the guard. */
  readonly seenChildren = new Map<string, Process>();
  readonly pids: number[] = [];
  private child: ChildProcess | undefined;
  private address = '';
  private opened!: () => void;
  private open = this.waitForClients();
  private ending = false;
  private log: WriteStream | undefined;

  constructor(
    private readonly places: ServerPlaces,
    private readonly tally: Tally,
    private readonly onCrash: () => void,
  ) {}

  /** Its current address. */
  get url(): string {
    return this.address;
  }

  get pid(): number {
    return this.child!.pid!;
  }

  /** Resolves once clients may send requests. */
  up(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const left = () => reject(signal.reason as Error);
      signal.addEventListener('abort', left, { once: true });
      void this.open.then(() => (signal.removeEventListener('abort', left), resolve()));
    });
  }

  /** Starts a server and waits for the line with its address. */
  async start(): Promise<void> {
    const { modelsDir, keyFile, logDir, env } = this.places;
    const config = fileURLToPath(new URL('./lamina-config.js', import.meta.url));
    const args = [
      '--port',
      '0',
      '--models-dir',
      modelsDir,
      '--api-key-file',
      keyFile,
      '--config',
      config,
      '--log-level',
      'info',
    ];
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.ending = false;
    this.pids.push(child.pid!);
    this.log = createWriteStream(join(logDir, `server-${this.pids.length}.log`));
    createInterface({ input: child.stderr }).on('line', (line) => this.readLog(line));
    child.once('exit', (code, signal) => this.exited(child, String(code ?? signal)));
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([
      once(lines, 'line', { signal: AbortSignal.timeout(startMs) }),
      once(child, 'exit').then(([code]) => [`ended with ${String(code)}`]),
    ])) as [string];
    const url = /http:\/\/\S+/.exec(line)?.[0];
    if (url === undefined) throw new Error(`lamina-server did not start: ${line}`);
    this.address = url;
  }

  /** Allows the clients to send requests. */
  admitClients(): void {
    this.opened();
  }

  /** Ends the server with a signal; clients wait from now on. Returns the exit code, or the signal. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<string> {
    this.recordChildren();
    this.ending = true;
    this.open = this.waitForClients();
    const child = this.child!;
    if (child.exitCode !== null || child.signalCode !== null) return String(child.exitCode ?? child.signalCode);
    const exited = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => {
      this.tally.check('server does not end in 30 s', 1, `pid ${child.pid}, ${signal}`);
      child.kill('SIGKILL');
    }, stopMs);
    const [code, by] = (await exited) as [number | null, string | null];
    clearTimeout(late);
    return String(code ?? by);
  }

  /** Kills it when the run itself exits. */
  killNow(): void {
    this.ending = true;
    this.child?.kill('SIGKILL');
  }

  /** Records its current children. */
  recordChildren(): void {
    for (const one of childrenOf(this.pid)) this.seenChildren.set(`${one.pid} ${one.start}`, one);
  }

  private waitForClients(): Promise<void> {
    return new Promise((resolve) => (this.opened = resolve));
  }

  private exited(child: ChildProcess, how: string): void {
    this.log?.end();
    if (this.ending || child !== this.child) return;
    this.tally.check('server crashed', 1, `pid ${child.pid} ended by itself: ${how}`);
    this.open = this.waitForClients();
    this.onCrash();
  }

  private readLog(line: string): void {
    if (this.log?.writableEnded === false) this.log.write(`${line}\n`);
    if (/^\(node:\d+\)/.test(line)) this.tally.check('warnings of Node', 1, line);
    else if (/Unhandled|Uncaught|FATAL|out of memory/i.test(line) && !line.startsWith('{'))
      this.tally.check('traces on stderr', 1, line);
    else if (isInternal(line)) this.tally.check('INTERNAL in the log', 1, line);
  }
}

/** Whether a line of the log reports an internal error of Lamina. */
function isInternal(line: string): boolean {
  if (!line.startsWith('{')) return false;
  if (/"INTERNAL"|MaxListenersExceeded/.test(line)) return true;
  if (/"status":500\b/.test(line)) return !line.includes('CONFIG_INVALID');
  return /"level":(50|60|"error"|"fatal")/.test(line) && /"stack":/.test(line) && !/"code":"[A-Z_]+"/.test(line);
}
