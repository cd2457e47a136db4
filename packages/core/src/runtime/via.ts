// Ends requests that go in a circle: Lamina servers that name each other as remotes for one model.
import { LaminaError } from '../contract/errors.js';

/** Says which Lamina servers a request has passed: their ids with commas between, the oldest first. */
export const viaHeader = 'lamina-via';

const maxHops = 4;

/** Longer than the ids of as many servers as a request may pass: a client must not have us carry more. */
const maxLength = 100;

/**
 * The value of the header for the next server.
 * @throws LaminaError `REQUEST_LOOP` when the request has passed this server before, or as many servers as it may
 */
export function nextVia(via: string | undefined, own: string, model: string): string {
  if (via === undefined) return own;
  const ids = via.split(',', maxHops).map((id) => id.trim());
  if (ids.includes(own)) throw new LaminaError('REQUEST_LOOP', { model, reason: 'it came back to this server' });
  if (ids.length >= maxHops || via.length > maxLength) {
    throw new LaminaError('REQUEST_LOOP', { model, reason: `it passed ${maxHops} Lamina servers, the limit` });
  }
  return `${ids.join(', ')}, ${own}`;
}
