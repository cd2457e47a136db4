// Arithmetic with amounts of resources.
import type { Resources } from '../contract/memory.js';

/** The sum of amounts, resource by resource. */
export function plus(...all: readonly Resources[]): Resources {
  const total: Record<string, number> = {};
  for (const resources of all)
    for (const [name, amount] of Object.entries(resources)) total[name] = (total[name] ?? 0) + amount;
  return total;
}

/** `from` without `amounts`; resources that `from` does not have are left out. */
export function minus(from: Resources, amounts: Resources): Resources {
  return Object.fromEntries(Object.entries(from).map(([name, amount]) => [name, amount - (amounts[name] ?? 0)]));
}

/** The amounts of those resources that `limits` has. */
export function within(amounts: Resources, limits: Resources): Resources {
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => Object.hasOwn(limits, name)));
}

/** How much `have` is short of `need`; only resources that are short. */
export function shortfall(need: Resources, have: Resources): Resources {
  return Object.fromEntries(
    Object.entries(need).flatMap(([name, amount]) => {
      const short = amount - (have[name] ?? 0);
      return short > 0 ? [[name, short]] : [];
    }),
  );
}

/** True when anything is short. */
export function isShort(missing: Resources): boolean {
  return Object.keys(missing).length > 0;
}
