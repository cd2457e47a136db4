// What of an error goes on the wire.
import type { ErrorCode, LaminaError, WireError } from '@lamina/core';
import type { Context } from 'koa';
import { scopesOf, type Scopes } from './authentication.js';
import { visibleTo } from './redaction.js';

/**
 * `{ error }`, the shape OpenAI's clients parse; `/v1/messages` has `type: "error"` beside it, as Anthropic's clients
 * want it.
 */
export function errorBody(path: string, error: WireError): object {
  return /\/v1\/messages(\/|$)/.test(path) ? { type: 'error', error } : { error };
}

/** Errors that say what is wrong with the request, in the caller's own words: routes and names that look like paths. */
const aboutRequest: ReadonlySet<string> = new Set<ErrorCode>([
  'REQUEST_INVALID',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'MODEL_NOT_FOUND',
  'DOWNLOAD_NOT_FOUND',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
]);

/** An error as this caller may see it: an engine's output, paths and addresses are for those who manage the server. */
export function wireFor(ctx: Pick<Context, 'state'>, error: LaminaError): WireError {
  return wireForScopes(scopesOf(ctx), error.toWire());
}

/** As {@link wireFor}, for an error that is on the wire already. */
export function wireForScopes(held: Scopes, wire: WireError): WireError {
  if (held.has('manage') || aboutRequest.has(wire.code)) return wire;
  const { last_lines: lines, ...details } = wire.details ?? {};
  return visibleTo(held, lines === undefined ? wire : { ...wire, details });
}
