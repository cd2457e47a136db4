// An inference request from its first byte to its last: read it, get the right to an engine, send it there, end it in every case.
import { LaminaError, type Lamina, type OpenRequest, type WireError } from '@lamina/core';
import type { Context } from 'koa';
import { errorBody } from '../middleware/error-body.js';
import { readEngineError } from './engine-error.js';
import { requestHeaders } from './headers.js';
import type { Incoming } from './incoming.js';
import { clientOf } from './client.js';
import { send, type SentBody } from './send.js';
import { breakOff } from './stream-error.js';
import type { Outcome } from './relay.js';
import type { Upstreams } from './upstreams.js';
import { usageIn } from './usage.js';

/** What forwarding needs. */
export interface Gateway {
  readonly lamina: Lamina;
  readonly upstreams: Upstreams;
  readonly bodyLimit: number;
}

/**
 * Sends a request to its model's engine and the answer back, as a stream. The client's leaving ends it everywhere at once.
 * @throws LaminaError what reading the request throws, all that `Requests.open` throws, and what ends the engine before an answer began
 */
export async function forward(ctx: Context, route: string, read: Promise<Incoming>, { lamina, upstreams }: Gateway): Promise<void> {
  const incoming = await read;
  const client = clientOf(ctx);
  const { model, json } = incoming;
  const request = { route, model, headers: requestHeaders(ctx.req.headers), ...(json === undefined ? {} : { json }) };
  const open = await lamina.requests.open(request, { signal: client });
  try {
    const body = () => bodyFor(open, incoming);
    const outcome = await send(open, { method: ctx.method, target: route + ctx.search, response: ctx.res, client, body }, upstreams);
    if (outcome.kind === 'refused') answerRefusal(ctx, open, outcome);
    else ctx.respond = false;
    if (outcome.kind === 'cut' && !client.aborted) await breakOff(ctx, route, open, outcome);
    open.finish(resultOf(outcome, client));
  } catch (error) {
    open.finish({ status: LaminaError.from(error).status, served: false });
    throw error;
  }
}

function bodyFor(open: OpenRequest, incoming: Incoming): SentBody | Promise<SentBody> {
  const { body } = open;
  if (body !== undefined) return { bytes: Buffer.from(JSON.stringify(body)), contentType: 'application/json' };
  if (incoming.form === undefined) return incoming;
  const { name } = open.target.model;
  const id = open.lease.info.ids?.[name] ?? name;
  return id === incoming.model ? incoming : renamed(incoming.form, id);
}

// The engine knows the model by another id than the client: the form is written anew.
async function renamed(form: FormData, model: string): Promise<SentBody> {
  form.set('model', model);
  const written = new Response(form);
  return { bytes: Buffer.from(await written.arrayBuffer()), contentType: written.headers.get('content-type') ?? undefined };
}

// The engine said no: its status, its reason, in our shape. A redirect is no answer at all, and would tell where the engine is.
function answerRefusal(ctx: Context, open: OpenRequest, { status, retryAfter, body }: Extract<Outcome, { kind: 'refused' }>): void {
  const error = refusalOf(open, status, body);
  ctx.status = status < 400 ? 502 : status;
  ctx.set('x-request-id', open.id);
  if (retryAfter !== undefined) ctx.set('Retry-After', retryAfter);
  ctx.body = errorBody(ctx.path, error);
}

/** An engine's refusal, in our shape. */
export function refusalOf({ lease }: OpenRequest, status: number, body: Buffer): WireError {
  return lease.adapt?.error?.(status, body) ?? readEngineError(status, body);
}

function resultOf(outcome: Exclude<Outcome, { kind: 'failed' }>, client: AbortSignal): Parameters<OpenRequest['finish']>[0] {
  if (outcome.kind === 'refused') return { status: outcome.status, served: true };
  if (outcome.kind === 'cut') return client.aborted ? { status: 499, served: true } : { status: 502, served: false };
  const usage = usageIn(outcome.tail);
  return { status: outcome.status, served: true, ...(usage === undefined ? {} : { usage }) };
}
