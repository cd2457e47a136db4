// The taps of core on its own hooks; where the first result counts, they come after those of plugins.
import type { Policy } from './contract/policy.js';
import type { Hooks } from './kernel/hooks.js';
import type { Logger } from './contract/context.js';
import type { SourceRegistry } from './downloads/source-registry.js';
import { highestRank } from './runtime/backends.js';

/** The stage after every plugin's. */
const last = 1_000_000;

/** Taps the hooks as the plugin `core`. */
export function tapCore(hooks: Hooks, policy: Policy, sources: SourceRegistry, log: Logger): void {
  const taps = hooks.tapsFor({ name: 'core', log: log.child({ plugin: 'core' }), closed: false });
  taps.discoverModels.tap((discovery, context) => sources.discover(discovery, context));
  taps.selectBackend.tap((_model, candidates) => highestRank(candidates), { stage: last });
  taps.selectVictims.tap((snapshot) => policy.victims(snapshot), { stage: last });
  taps.orderQueue.tap((snapshot) => policy.order(snapshot), { stage: last });
}
