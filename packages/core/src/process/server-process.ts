// One engine process and its group: its output, its end, and every way to bring that about.
import { setTimeout as delay } from 'node:timers/promises';
import { OutputTail, type OnLine } from './output.js';
import { killGroup, signalGroup } from './process-table.js';
import { spawnGroup, type GroupLeader, type SpawnOptions } from './spawn-group.js';

const patienceMs = 2_000; // llama-server waits for its clients after one SIGTERM, and ends at once after a second.
const lastWordsMs = 500;

/** What to run, and who hears of it. */
export interface Spawn extends SpawnOptions {
  readonly executable: string;
  readonly args: readonly string[];
  /** The engine's key; nobody sees it in what the engine prints. */
  readonly secret?: string;
  readonly onLine: OnLine;
  /** Hands the process group to the guard; the answer takes it back. */
  guard(pid: number): () => void;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that leads a group of its own. The group lives and dies with it: what it leaves behind is killed. */
export class ServerProcess {
  readonly pid: number;
  /** Settles once the leader has ended, with it the whole group, and the last line is read. Never rejects. */
  readonly closed: Promise<ProcessEnd>;
  /** Settles as soon as the leader has ended. */
  readonly exited: Promise<ProcessEnd>;
  private readonly leaderGone = new AbortController();
  private readonly output: OutputTail;
  private terminating: Promise<void> | undefined;

  private constructor(child: GroupLeader, { onLine, guard, secret }: Pick<Spawn, 'onLine' | 'guard' | 'secret'>) {
    this.pid = child.pid;
    const release = guard(child.pid);
    const streamsEnded = new Promise((resolve) => child.once('close', resolve));
    this.output = new OutputTail(onLine, secret);
    this.output.read('stdout', child.stdout);
    this.output.read('stderr', child.stderr);
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    this.closed = this.end(
      streamsEnded,
      () => [child.stdout, child.stderr].forEach((stream) => stream.destroy()),
      release,
    );
  }

  /** Starts a process. @throws Error when the system cannot run it */
  static async spawn({ executable, args, onLine, guard, secret, ...options }: Spawn): Promise<ServerProcess> {
    const { leader } = await spawnGroup(executable, args, options);
    return new ServerProcess(leader, { onLine, guard, ...(secret === undefined ? {} : { secret }) });
  }

  /** True once the leader has ended. */
  get isGone(): boolean {
    return this.leaderGone.signal.aborted;
  }

  /** True once `stop` was called. */
  get isStopping(): boolean {
    return this.terminating !== undefined;
  }

  /** The last lines it printed, oldest first. */
  get lines(): readonly string[] {
    return this.output.lines;
  }

  /**
   * SIGTERM, 2 s, SIGTERM, 2 s, SIGKILL, each to the whole group; aborting the signal is SIGKILL now. Resolves when the
   * group is gone.
   */
  async stop(signal: AbortSignal): Promise<void> {
    const kill = () => this.signal('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    this.terminating ??= this.terminate();
    if (signal.aborted) kill();
    await this.closed;
    signal.removeEventListener('abort', kill);
  }

  /** SIGKILL to the whole group. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.closed;
  }

  private async terminate(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGKILL'] as const) {
      this.signal(signal);
      await delay(patienceMs, undefined, { signal: this.leaderGone.signal }).catch(() => undefined);
    }
  }

  /** Once the leader is gone its pid may soon be another's; the group is then ended by `end`. */
  private signal(signal: NodeJS.Signals): void {
    if (!this.isGone) signalGroup(this.pid, signal);
  }

  private async end(
    streamsEnded: Promise<unknown>,
    destroyStreams: () => void,
    release: () => void,
  ): Promise<ProcessEnd> {
    const end = await this.exited;
    this.leaderGone.abort();
    await killGroup(this.pid);
    release();
    // A child that left the group may hold the pipes open for ever.
    const enough = new AbortController();
    await Promise.race([streamsEnded, delay(lastWordsMs, undefined, { signal: enough.signal }).catch(() => undefined)]);
    enough.abort();
    destroyStreams();
    this.output.end();
    return end;
  }
}
