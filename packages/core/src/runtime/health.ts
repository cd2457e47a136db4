// Checks the health of a running server at intervals and detects one that hangs.
import type { Health } from '../contract/backends.js';
import type { Clock } from '../contract/context.js';
import { withTimeout } from '../kernel/abort.js';
import { reasonOf } from '../kernel/reason.js';
import type { RunningServer, Slot } from './slot.js';

const checkTimeoutMs = 10_000;

/** Failed checks in a row that end a server: the default of Docker's health checks and of Kubernetes' probes. */
const maxFailures = 3;

/**
 * Checks the server every `intervalMs` while it runs (0: never): `degraded` or a failed check makes the slot
 * `degraded`, `ok` makes it `ready`. `onLost` is called with the reason when the server is dead, or when three checks
 * in a row failed and no byte of a response arrived meanwhile: an engine with one thread cannot answer a check while it
 * computes, but it sends what it computed.
 */
export function watchHealth(
  slot: Slot,
  running: RunningServer,
  intervalMs: number,
  clock: Clock,
  onLost: (reason: string) => void,
): void {
  if (running.server.check === undefined || intervalMs === 0) return;
  let failures = 0;
  const next = () => clock.after(intervalMs, () => void check());
  let cancel = next();
  running.use.signal.addEventListener('abort', () => cancel(), { once: true });

  async function check(): Promise<void> {
    if (isUp()) apply(await checkHealth(running, Math.min(checkTimeoutMs, intervalMs)));
    if (!running.use.signal.aborted) cancel = next();
  }

  function isUp(): boolean {
    return slot.running === running && (slot.state === 'ready' || slot.state === 'degraded');
  }

  function apply(health: Health | Error): void {
    if (!isUp()) return;
    if (health === 'dead') return onLost('its health check found it dead');
    failures = health instanceof Error && !running.touched ? failures + 1 : 0;
    running.touched = false;
    if (health instanceof Error && failures >= maxFailures)
      return onLost(
        `${failures} health checks in a row failed (${reasonOf(health)}) and no byte of a response arrived`,
      );
    const state = health === 'ok' ? 'ready' : 'degraded';
    if (slot.state !== state) slot.move(state);
  }
}

/** The result of a check, or why it failed. */
async function checkHealth({ server, use }: RunningServer, timeoutMs: number): Promise<Health | Error> {
  const timeoutError = () => new Error(`no answer within ${timeoutMs / 1000} s`);
  try {
    return await withTimeout(use.signal, timeoutMs, timeoutError, (signal) => server.check!(signal));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
