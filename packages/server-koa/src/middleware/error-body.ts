// What of an error goes on the wire.
import type { LaminaError, WireError } from '@lamina/core';
import type { Context } from 'koa';
import { scopesOf, type Scopes } from './authentication.js';

/** `{ error }`, the shape OpenAI's clients parse; `/v1/messages` has `type: "error"` beside it, as Anthropic's clients want it. */
export function errorBody(path: string, error: WireError): object {
  return /\/v1\/messages(\/|$)/.test(path) ? { type: 'error', error } : { error };
}

/** An error as this caller may see it: what an engine printed, its address among it, is for those who manage the server. */
export function wireFor(ctx: Pick<Context, 'state'>, error: LaminaError): WireError {
  return wireForScopes(scopesOf(ctx), error.toWire());
}

/** As {@link wireFor}, for an error that is on the wire already. */
export function wireForScopes(held: Scopes, wire: WireError): WireError {
  if (wire.details?.['last_lines'] === undefined || held.has('manage')) return wire;
  const { last_lines: _, ...details } = wire.details;
  return { ...wire, details };
}
