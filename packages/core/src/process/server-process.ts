// One engine process and its group: its output, its end, and how to stop it.
import { setTimeout as delay } from 'node:timers/promises';
import type { SystemMemory } from '../contract/processes.js';
import { OutputTail, type OnLine } from './output.js';
import { killGroup, signalGroup } from './process-table.js';
import { systemMemory } from './system-memory.js';
import { spawnGroup, type GroupLeader, type SpawnOptions } from './spawn-group.js';

const signalPauseMs = 2_000; // llama-server waits for its clients after one SIGTERM, and ends at once after a second one.
const lastOutputMs = 500;

/** What to run, and how its output and end are handled. */
export interface Spawn extends SpawnOptions {
  readonly executable: string;
  readonly args: readonly string[];
  /** The engine's key, which is removed from its output. */
  readonly secret?: string;
  readonly onLine: OnLine;
  /** Registers the process group with the guard; the returned function removes it. */
  guard(pid: number): () => void;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /**
   * For a SIGKILL that is not Lamina's: whether the system killed processes for lack of memory while this one ran.
   */
  readonly outOfMemory?: boolean;
}

/** A process that leads a group of its own. When it ends, the rest of its group is killed. */
export class ServerProcess {
  readonly pid: number;
  /** Resolves once the whole group has ended and its last line is read. Never rejects. */
  readonly closed: Promise<ProcessEnd>;
  /** Resolves as soon as the leader has ended. */
  readonly exited: Promise<ProcessEnd>;
  private readonly leaderGone = new AbortController();
  private readonly output: OutputTail;
  private readonly killsBefore = outOfMemoryKills();
  private terminating: Promise<void> | undefined;
  /** True once Lamina sent SIGKILL. */
  private killed = false;

  private constructor(child: GroupLeader, { onLine, guard, secret }: Pick<Spawn, 'onLine' | 'guard' | 'secret'>) {
    this.pid = child.pid;
    const release = guard(child.pid);
    const streamsEnded = new Promise((resolve) => child.once('close', resolve));
    this.output = new OutputTail(onLine, secret);
    this.output.read('stdout', child.stdout);
    this.output.read('stderr', child.stderr);
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(this.endOf({ code, signal }))));
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

  /** The last lines of its output, oldest first. */
  get lines(): readonly string[] {
    return this.output.lines;
  }

  /**
   * SIGTERM, 2 s, SIGTERM, 2 s, SIGKILL, each to the whole group; aborting the signal sends SIGKILL at once. Resolves
   * when the group has ended.
   */
  async stop(signal: AbortSignal): Promise<void> {
    const kill = () => this.signal('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    this.terminating ??= this.terminate();
    if (signal.aborted) kill();
    await this.closed;
    signal.removeEventListener('abort', kill);
  }

  /** Sends SIGKILL to the whole group. Resolves when it has ended. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.closed;
  }

  private async terminate(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGKILL'] as const) {
      this.signal(signal);
      await delay(signalPauseMs, undefined, { signal: this.leaderGone.signal }).catch(() => undefined);
    }
  }

  /** After the end of the leader its pid can be reused; `end` then ends the group. */
  private signal(signal: NodeJS.Signals): void {
    this.killed ||= signal === 'SIGKILL';
    if (!this.isGone) signalGroup(this.pid, signal);
  }

  /** A wrapper such as a shell ends with 137 when its program was killed by SIGKILL. */
  private endOf(end: ProcessEnd): ProcessEnd {
    const isForeignKill = !this.killed && (end.signal === 'SIGKILL' || end.code === 137);
    return isForeignKill ? { ...end, outOfMemory: outOfMemoryKills() > this.killsBefore } : end;
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
    // A child that left the group can hold the pipes open for ever.
    const timeout = new AbortController();
    await Promise.race([
      streamsEnded,
      delay(lastOutputMs, undefined, { signal: timeout.signal }).catch(() => undefined),
    ]);
    timeout.abort();
    destroyStreams();
    this.output.end();
    return end;
  }
}

let system: SystemMemory | undefined;

/** The system's counter; what it needs is looked up by the first engine, not by every program that imports this. */
function outOfMemoryKills(): number {
  return (system ??= systemMemory()).outOfMemoryKills();
}
