// Asks a running server now and then how it is.
import type { Health } from '../contract/backend.js';
import type { Config } from '../contract/config.js';
import type { Clock } from '../contract/context.js';
import { withLimit } from '../kernel/limit.js';
import type { Running, Slot } from './slot.js';

const checkLimitMs = 10_000;

/** Checks every `healthInterval` while the server runs: a bad answer makes the slot `degraded`, a good one `ready` again, `dead` is told. */
export function watchHealth(slot: Slot, running: Running, { clock, config }: { clock: Clock; config: Config }, onDead: () => void): void {
  const { healthInterval } = config.limits;
  if (running.server.check === undefined || healthInterval === 0) return;
  const next = () => clock.after(healthInterval * 1000, () => void look());
  let cancel = next();
  running.use.signal.addEventListener('abort', () => cancel(), { once: true });

  async function look(): Promise<void> {
    if (slot.serving) apply(await ask(running));
    if (!running.use.signal.aborted) cancel = next();
  }

  function apply(health: Health): void {
    if (slot.running !== running || !slot.serving) return;
    if (health === 'dead') onDead();
    else if ((health === 'ok') !== (slot.state === 'ready')) slot.move(health === 'ok' ? 'ready' : 'degraded');
  }
}

async function ask({ server, use }: Running): Promise<Health> {
  try {
    return await withLimit(use.signal, checkLimitMs, () => new Error('no answer'), (limited) => server.check!(limited.signal));
  } catch {
    return 'degraded';
  }
}
