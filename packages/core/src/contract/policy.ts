// The policy of the runtime, which a host can replace.
import type { QueueSnapshot, RoomSnapshot } from './hooks.js';

/**
 * The scheduling policy: pure functions that a host can replace, see `LaminaOptions.configure`.
 * @example
 * ```ts
 * const policy: Policy = {
 *   order: ({ waiters }) => waiters.map(({ id }) => id),
 *   victims: ({ running }) => running.filter(({ evictable }) => evictable).map(({ model }) => model),
 *   backoffMs: (failures) => 1000 * failures,
 * };
 * ```
 */
export interface Policy {
  /** The ids of the waiting requests, in the order in which to consider them. */
  order(snapshot: QueueSnapshot): readonly number[];
  /** The models to evict so that what is `missing` becomes free; none when that is not possible. */
  victims(snapshot: RoomSnapshot): readonly string[];
  /** How long to wait after this many failures in a row before the next start, in milliseconds. */
  backoffMs(failures: number): number;
}
