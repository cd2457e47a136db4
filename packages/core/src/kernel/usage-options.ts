// How the token counts of a stream are asked for.
import type { JsonObject } from '../contract/schema.js';
import { isMapping } from './json.js';

/** The member `stream_options` of a request whose stream shall end with its token counts; `options` are the client's. */
export function usageOptions(options: unknown): JsonObject {
  return { ...(isMapping(options) ? (options as JsonObject) : {}), include_usage: true };
}
