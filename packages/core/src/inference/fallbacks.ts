// Tries the models of a request in order, until one can start.
import type { ErrorCode } from '../contract/error-table.js';
import { LaminaError } from '../contract/errors.js';
import type { Lease } from '../contract/runtime.js';

/** Why a model cannot start. A full queue and a wait that is too long are no such reasons: the model would start later. */
const reasons: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MODEL_NOT_FOUND',
  'MODEL_FILES_MISSING',
  'CONFIG_INVALID',
  'BACKEND_UNAVAILABLE',
  'BACKEND_UNREACHABLE',
  'OUT_OF_MEMORY',
  'MODEL_START_FAILED',
  'START_BACKING_OFF',
]);

/**
 * The lease of the first of these models that can start; `onFailure` is told of each that cannot, and of the next one.
 * @throws what the last one failed with, or the first failure that says nothing about a start
 */
export async function firstThatStarts(
  models: readonly string[],
  acquire: (model: string) => Promise<Lease>,
  onFailure: (model: string, next: string, error: LaminaError) => void,
): Promise<Lease> {
  for (let index = 0; ; index++) {
    const model = models[index]!;
    try {
      return await acquire(model);
    } catch (error) {
      const next = models[index + 1];
      if (next === undefined || !LaminaError.is(error) || !reasons.has(error.code)) throw error;
      onFailure(model, next, error);
    }
  }
}
