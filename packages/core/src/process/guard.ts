// The guard: one small shell that outlives Lamina by a moment and ends the engines Lamina could not end itself.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Logger } from '../contract/context.js';
import { reasonOf } from '../kernel/reason.js';
import { killGroup } from './process-table.js';
import { requireDescriptors } from './spawn-group.js';

// POSIX sh, not Node: about 1 MB instead of 40, and it works where process.execPath is no Node. It reads `add GROUP`
// and `remove GROUP`; the end of its input means that Lamina is gone, however that came about. Groups get SIGTERM, 2 s,
// then SIGKILL.
const script = `
trap '' HUP INT QUIT TERM
groups=' '
signal() { for group in $groups; do kill -s "$1" -- "-$group" 2>/dev/null; done; }
living() { for group in $groups; do kill -s 0 -- "-$group" 2>/dev/null && return 0; done; return 1; }
while read -r verb group; do
  case $verb in
    add) groups="$groups$group " ;;
    remove) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
  esac
done
signal TERM
tries=0
while [ $tries -lt 20 ] && living; do
  sleep 0.1
  tries=$((tries + 1))
done
signal KILL
`;

const shortestLifeMs = 1_000;
const mostShortLives = 3;

/** Starts the guard process with the first group, and a new one should it die. */
export class Guard {
  private readonly groups = new Set<number>();
  private child: ChildProcess | undefined;
  private shortLives = 0;
  private closed = false;

  constructor(private readonly log: Logger) {}

  /** The guard process, while there is one. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  add(group: number): void {
    this.groups.add(group);
    if (this.child === undefined) this.start();
    else this.tell(`add ${group}`);
  }

  remove(group: number): void {
    if (this.groups.delete(group)) this.tell(`remove ${group}`);
  }

  /** Ends the guard process, which ends every group it still has; those of a guard that could not are killed. */
  async close(): Promise<void> {
    this.closed = true;
    const { child } = this;
    if (child !== undefined) {
      const exit = once(child, 'exit');
      child.ref();
      child.stdin?.end();
      await exit;
    }
    await Promise.all([...this.groups].map(killGroup));
  }

  private start(): void {
    const child = this.spawn();
    if (child?.pid === undefined) return;
    const startedAt = performance.now();
    child.once('exit', () => this.ended(performance.now() - startedAt));
    child.stdin.on('error', () => undefined); // It died; its exit is handled.
    child.unref();
    (child.stdin as Socket).unref();
    this.child = child;
    for (const group of this.groups) this.tell(`add ${group}`);
  }

  /**
   * Without a pid, or `undefined`, when the system cannot run it: some failures are thrown, others are events. The next
   * engine tries again.
   */
  private spawn() {
    const failed = (error: unknown) =>
      this.log.error(
        { error: reasonOf(error) },
        'The guard process cannot run; engines outlive Lamina if it is killed',
      );
    try {
      requireDescriptors();
      // In a session of its own: neither Ctrl-C nor the end of the terminal reaches it. Not in our directory, which it
      // would keep busy.
      const child = spawn('/bin/sh', ['-c', script], {
        detached: true,
        cwd: '/',
        env: { PATH: '/usr/bin:/bin' },
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      return child.on('error', failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  private ended(lifeMs: number): void {
    this.child = undefined;
    if (this.closed) return;
    this.log.warn({ groups: this.groups.size }, 'The guard process ended by itself');
    this.shortLives = lifeMs < shortestLifeMs ? this.shortLives + 1 : 0;
    // One that always dies at once would be started without end; the next engine tries again.
    if (this.groups.size > 0 && this.shortLives < mostShortLives) this.start();
  }

  private tell(line: string): void {
    this.child?.stdin?.write(`${line}\n`);
  }
}
