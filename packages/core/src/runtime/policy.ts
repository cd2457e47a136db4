// The default scheduling policy: pure functions of a snapshot.
import type { QueueSnapshot, RoomSnapshot, RunningSnapshot } from '../contract/hooks.js';
import type { Resources } from '../contract/memory.js';
import type { Policy } from '../contract/policy.js';
import { isShort, plus, shortfall } from './resources.js';

const firstBackoffMs = 1_000;
const maxBackoffMs = 60_000;
/** Up to so many candidates every set is compared. */
const mostExact = 10;

/** First come, first served; evicts the idle models that are cheapest to load again, as few as suffice. */
export class DefaultPolicy implements Policy {
  order(snapshot: QueueSnapshot): readonly number[] {
    return snapshot.waiters.map((waiter) => waiter.id);
  }

  victims({ missing, running }: RoomSnapshot): readonly string[] {
    const useful = running.filter(
      ({ evictable, resources }) => evictable && Object.keys(missing).some((name) => (resources[name] ?? 0) > 0),
    );
    return cheapestSet(useful, missing).map(({ model }) => model);
  }

  backoffMs(failures: number): number {
    return failures < 1 ? 0 : Math.min(maxBackoffMs, firstBackoffMs * 2 ** (failures - 1));
  }
}

/** The set that frees what is missing at the least cost; none when all together do not. */
function cheapestSet(candidates: readonly RunningSnapshot[], missing: Resources): readonly RunningSnapshot[] {
  if (!frees(candidates, missing)) return [];
  const byCost = candidates.toSorted((a, b) => reloadCost(a) - reloadCost(b));
  if (byCost.length > mostExact) return cheapestFirst(byCost, missing);
  let best = byCost;
  let bestCost = Infinity;
  const search = (index: number, set: RunningSnapshot[], left: Resources, cost: number): void => {
    if (cost >= bestCost) return;
    if (!isShort(left)) [best, bestCost] = [set, cost];
    else if (index < byCost.length) {
      const next = byCost[index]!;
      search(index + 1, [...set, next], shortfall(left, next.resources), cost + reloadCost(next));
      search(index + 1, set, left, cost);
    }
  };
  search(0, [], missing, 0);
  return best;
}

/** For many candidates: the cheapest one after the other, then without those that are not needed, the dearest first. */
function cheapestFirst(byCost: readonly RunningSnapshot[], missing: Resources): readonly RunningSnapshot[] {
  const enough = byCost.findIndex((_, index) => frees(byCost.slice(0, index + 1), missing));
  const chosen = byCost.slice(0, enough + 1);
  return chosen.reduceRight((kept, slot) => {
    const without = kept.filter((other) => other !== slot);
    return frees(without, missing) ? without : kept;
  }, chosen);
}

function frees(set: readonly RunningSnapshot[], missing: Resources): boolean {
  return !isShort(shortfall(missing, plus(...set.map(({ resources }) => resources))));
}

/** Higher for models that load slowly and were used recently. Never 0, so that fewer victims cost less. */
function reloadCost({ idleMs, loadMs }: RunningSnapshot): number {
  return Math.max(loadMs, 1) / Math.max(idleMs, 1);
}
