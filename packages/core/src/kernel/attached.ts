// The error of an attached Lamina when it is asked for what only the owner of the data directory may do.
import type { Config } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';

/** `what`: engines, downloads. */
export function attachedError({ dataDir }: Pick<Config, 'dataDir'>, what: string): LaminaError {
  return new LaminaError('CONFLICT', {
    message: `This Lamina is attached to the data directory ${dataDir}, whose owner runs its ${what}. Use the owner, or create this one without mode: 'attached'.`,
  });
}
