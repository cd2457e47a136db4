// How many requests models have together.
import type { PsModel } from '@lamina/core/protocol';

/** The requests that some models compute, and those that wait for them. */
export function countRequests(models: readonly PsModel[]): { readonly busy: number; readonly waiting: number } {
  return {
    busy: models.reduce((sum, { busy }) => sum + busy, 0),
    waiting: models.reduce((sum, { waiting }) => sum + waiting, 0),
  };
}
