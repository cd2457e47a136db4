// An inference request from its first byte to its last: read it, get the right to an engine, send it there, end it in
// every case.
import { LaminaError, type Lamina, type OpenRequest, type RequestOutcome, type WireError } from '@lamina/core';
import type { Context } from 'koa';
import { errorBody } from '../middleware/error-body.js';
import { leaveToCore, requestIdOf } from '../middleware/request-log.js';
import { readEngineError } from './engine-error.js';
import { requestHeaders } from './headers.js';
import type { BodyLimits } from './body.js';
import { renamedForm, type Incoming } from './incoming.js';
import { clientOf } from './client.js';
import { redactError } from './redact.js';
import { send, type Sent, type SentBody } from './send.js';
import { breakOff } from './stream-error.js';
import type { Upstreams } from './upstreams.js';
import { usageIn } from './usage.js';

/** What forwarding needs. */
export interface Gateway {
  readonly lamina: Lamina;
  readonly upstreams: Upstreams;
  /** What a request's body may be. */
  readonly body: BodyLimits;
}

/** How a request is treated. */
export interface ForwardOptions {
  /** The request never starts a model: it is refused unless the model runs. */
  readonly onlyRunning: boolean;
}

/**
 * Sends a request to its model's engine and the answer back, as a stream. The client's leaving ends it everywhere at
 * once.
 * @throws LaminaError what reading the request throws, all that `Requests.open` throws, and what ends the engine before
 * an answer began
 */
export async function forward(
  ctx: Context,
  route: string,
  read: Promise<Incoming>,
  gateway: Gateway,
  options: ForwardOptions = { onlyRunning: false },
): Promise<void> {
  const incoming = await read;
  try {
    await forwardBody(ctx, route, incoming, gateway, options);
  } finally {
    incoming.release();
  }
}

async function forwardBody(
  ctx: Context,
  route: string,
  incoming: Incoming,
  { lamina, upstreams }: Gateway,
  { onlyRunning }: ForwardOptions,
): Promise<void> {
  const client = clientOf(ctx);
  const { model, bytes, contentType } = incoming;
  const body = contentType === 'application/json' ? bytes : undefined;
  const request = {
    id: requestIdOf(ctx),
    route,
    model,
    headers: requestHeaders(ctx.req.headers),
    ...(body === undefined ? {} : { body }),
  };
  leaveToCore(ctx);
  const open = await lamina.requests.open(request, { signal: client, onlyRunning });
  try {
    const sent = () => bodyFor(open, incoming);
    const outcome = await send(
      open,
      { method: ctx.method, target: route + ctx.search, response: ctx.res, client, body: sent },
      upstreams,
    );
    if (outcome.kind === 'refused') {
      const error = answerRefusal(ctx, open, outcome);
      return open.finish({ status: ctx.status, served: true, error });
    }
    ctx.respond = false;
    open.finish(outcome.kind === 'answered' ? answered(outcome) : await brokenOff(ctx, route, open, outcome, client));
  } catch (thrown) {
    const error = LaminaError.from(thrown);
    open.finish({ status: error.status, served: false, error });
    throw thrown;
  }
}

function bodyFor(open: OpenRequest, { bytes, contentType, model }: Incoming): SentBody | Promise<SentBody> {
  const json = open.body();
  if (json !== undefined) return { bytes: json, contentType: 'application/json' };
  if (bytes === undefined || contentType === undefined) return { bytes, contentType };
  const { name } = open.target.model;
  const { ids = {} } = open.lease.info;
  const id = Object.hasOwn(ids, name) ? ids[name]! : name;
  return id === model ? { bytes, contentType } : renamedForm(bytes, contentType, id);
}

// The engine said no: its status, its reason, in our shape. A redirect is no answer at all, and would tell where the
// engine is.
function answerRefusal(ctx: Context, open: OpenRequest, refused: Extract<Sent, { kind: 'refused' }>): WireError {
  const { status, retryAfter } = refused;
  const error = refusalOf(open, refused);
  ctx.status = refusalStatus(status);
  ctx.set('x-request-id', open.id);
  if (retryAfter !== undefined) ctx.set('Retry-After', retryAfter);
  ctx.body = errorBody(ctx.path, error);
  return error;
}

/** An engine's refusal, in our shape. */
export function refusalOf(
  { lease }: OpenRequest,
  { status, body, endpoint }: Extract<Sent, { kind: 'refused' }>,
): WireError {
  return redactError(lease.adapt?.error?.(status, body) ?? readEngineError(status, body), endpoint);
}

/** The status a client sees for an engine's refusal; what is no status of an error becomes 502. */
export function refusalStatus(status: number): number {
  return status >= 400 && status < 600 ? status : 502;
}

function answered({ status, tail }: Extract<Sent, { kind: 'answered' }>): RequestOutcome {
  const usage = usageIn(tail);
  return { status, served: true, ...(usage === undefined ? {} : { usage }) };
}

async function brokenOff(
  ctx: Context,
  route: string,
  open: OpenRequest,
  outcome: Extract<Sent, { kind: 'cut' }>,
  client: AbortSignal,
): Promise<RequestOutcome> {
  if (client.aborted) return { status: 499, served: true, error: LaminaError.from(client.reason), cut: true };
  return { status: 502, served: false, error: await breakOff(ctx, route, open, outcome), cut: true };
}
