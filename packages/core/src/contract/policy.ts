// What the runtime decides by, for a host that wants to decide otherwise.
import type { QueueSnapshot, RoomSnapshot } from './hooks.js';

/** What the runtime decides by, all of it pure: a host may bind another. */
export interface Policy {
  /** The waiting requests in the order they are looked at, by id. */
  order(snapshot: QueueSnapshot): readonly number[];
  /** The models to stop so that `need.slots` become free; fewer, or none, when that cannot be. */
  victims(snapshot: RoomSnapshot): readonly string[];
  /** How long a model is left alone after so many failures in a row, in milliseconds. */
  backoffMs(failures: number): number;
}
