// What a guest of a data directory is told when it asks for what is its owner's.
import type { Config } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';

/** The error for `what`: engines, downloads. */
export function guestError({ dataDir }: Pick<Config, 'dataDir'>, what: string): LaminaError {
  return new LaminaError('CONFLICT', {
    message: `This Lamina is a guest of the data directory ${dataDir}: ${what} are its owner's. Ask that one, or make this one without guest.`,
  });
}
