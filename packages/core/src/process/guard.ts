// The guard: a small shell process that outlives Lamina and ends the engines that Lamina could not end itself.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Logger } from '../contract/context.js';
import { reasonOf } from '../kernel/reason.js';
import { killGroup } from './process-table.js';
import { requireDescriptors } from './spawn-group.js';

// POSIX sh, not Node: about 1 MB instead of 40, and it works where process.execPath is not Node. It reads `add GROUP`
// and `remove GROUP`; the end of its input means that Lamina has ended. Groups get SIGTERM, 2 s, then SIGKILL.
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

const minLifetimeMs = 1_000;
const maxShortLives = 3;

/** Starts the guard process with the first group, and another one if it dies. */
export class Guard {
  private readonly groups = new Set<number>();
  private child: ChildProcess | undefined;
  private shortLives = 0;
  private closed = false;

  constructor(private readonly log: Logger) {}

  /** The pid of the guard process, while one runs. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  add(group: number): void {
    this.groups.add(group);
    if (this.child === undefined) this.start();
    else this.send(`add ${group}`);
  }

  remove(group: number): void {
    if (this.groups.delete(group)) this.send(`remove ${group}`);
  }

  /** Ends the guard process, which ends every group it still has; groups that are left are killed. */
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
    for (const group of this.groups) this.send(`add ${group}`);
  }

  /**
   * Has no pid, or is `undefined`, when the system cannot run it: some failures are thrown, others are events. The next
   * engine tries again.
   */
  private spawn() {
    const failed = (error: unknown) =>
      this.log.error(
        { error: reasonOf(error) },
        'Cannot start the guard process; engines continue to run if Lamina is killed',
      );
    try {
      requireDescriptors();
      // In a session of its own: neither Ctrl-C nor the end of the terminal reaches it. In `/`, so that it does not
      // keep our directory busy.
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

  private ended(lifetimeMs: number): void {
    this.child = undefined;
    if (this.closed) return;
    this.log.warn({ groups: this.groups.size }, 'The guard process ended unexpectedly');
    this.shortLives = lifetimeMs < minLifetimeMs ? this.shortLives + 1 : 0;
    // A guard that always dies at once is not started for ever; the next engine tries again.
    if (this.groups.size > 0 && this.shortLives < maxShortLives) this.start();
  }

  private send(line: string): void {
    this.child?.stdin?.write(`${line}\n`);
  }
}
