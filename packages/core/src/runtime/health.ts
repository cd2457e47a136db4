// Asks a running server now and then how it is, and notices one that hangs.
import type { Health } from '../contract/backends.js';
import { reasonOf } from '../kernel/reason.js';
import type { Config } from '../contract/config.js';
import type { Clock } from '../contract/context.js';
import { withTimeout } from '../kernel/abort.js';
import type { Running, Slot } from './slot.js';

const checkLimitMs = 10_000;

/** Checks in a row that may fail: the default of Docker's health checks and of Kubernetes' probes. */
const maxFailures = 3;

interface HealthParts {
  readonly clock: Clock;
  readonly config: Config;
}

/**
 * Checks the server every `healthInterval` while it runs: `degraded` or a failed check makes the slot `degraded`, `ok`
 * makes it `ready`. `onLost` is called with the reason when the server is dead, or when three checks in a row failed
 * and no byte of an answer came meanwhile: an engine with one thread cannot answer a check while it computes, but it
 * sends what it computed.
 */
export function watchHealth(slot: Slot, running: Running, parts: HealthParts, onLost: (reason: string) => void): void {
  const { clock, config } = parts;
  const intervalMs = config.limits.healthInterval * 1000;
  if (running.server.check === undefined || intervalMs === 0) return;
  let failures = 0;
  const next = () => clock.after(intervalMs, () => void look());
  let cancel = next();
  running.use.signal.addEventListener('abort', () => cancel(), { once: true });

  async function look(): Promise<void> {
    if (isUp()) apply(await ask(running, Math.min(checkLimitMs, intervalMs)));
    if (!running.use.signal.aborted) cancel = next();
  }

  function isUp(): boolean {
    return slot.running === running && (slot.state === 'ready' || slot.state === 'degraded');
  }

  function apply(answer: Health | Error): void {
    if (!isUp()) return;
    if (answer === 'dead') return onLost('its health check found it dead');
    failures = answer instanceof Error && !running.touched ? failures + 1 : 0;
    running.touched = false;
    if (answer instanceof Error && failures >= maxFailures) {
      return onLost(`${failures} health checks in a row failed (${reasonOf(answer)}) and no byte of an answer came`);
    }
    const state = answer === 'ok' ? 'ready' : 'degraded';
    if (slot.state !== state) slot.move(state);
  }
}

/** The answer, or why there was none. */
async function ask({ server, use }: Running, limitMs: number): Promise<Health | Error> {
  const late = () => new Error(`no answer within ${limitMs / 1000} s`);
  try {
    return await withTimeout(use.signal, limitMs, late, (signal) => server.check!(signal));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
