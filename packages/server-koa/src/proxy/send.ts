// Sends a request to its model's engine, and once more where the first try cannot have reached the client.
import { setTimeout as after } from 'node:timers/promises';
import { LaminaError, networkReasonOf, type Endpoint, type Lease, type OpenRequest } from '@lamina/core';
import { engineHeaders } from './headers.js';
import { watchLoss } from './loss.js';
import { redactText } from './redact.js';
import { Relay, type AnswerSink, type Outcome } from './relay.js';
import type { Upstreams } from './upstreams.js';

/** What every attempt sends. */
export interface Sending {
  readonly method: string;
  /** What comes after the endpoint's base URL, with its query. */
  readonly target: string;
  readonly response: AnswerSink;
  /** Aborted when the client has left. */
  readonly client: AbortSignal;
  /** The body, as the present lease wants it. */
  readonly body: () => SentBody | Promise<SentBody>;
}

/** A request's body. */
export interface SentBody {
  readonly bytes: Buffer | undefined;
  readonly contentType: string | undefined;
}

/** An answer that began, and where it came from. */
export type Sent = Exclude<Outcome, { kind: 'failed' }> & { readonly endpoint: Endpoint };

/**
 * How long a broken connection waits for the news that the engine has ended; it comes within milliseconds when it
 * comes.
 */
const exitGraceMs = 250;

/**
 * Sends until an answer begins. An engine that died before that is replaced by a fresh one, once; a live one that
 * dropped the connection is asked again, once, at another of its endpoints where it has several.
 * @throws LaminaError what ended the engine or the request, while the client has been sent nothing
 */
export async function send(open: OpenRequest, sending: Sending, upstreams: Upstreams): Promise<Sent> {
  let failed: Endpoint | undefined;
  let asked = 0;
  for (;;) {
    if (isLost(open.lease)) await replace(open);
    const { lease } = open;
    const endpoint = lease.endpoint(failed);
    const outcome = await attempt(open, endpoint, sending, upstreams);
    if (outcome.kind !== 'failed') return { ...outcome, endpoint };
    if (sending.client.aborted) throw new LaminaError('ABORTED', {});
    // A refused connection is worth another endpoint at once; only when that fails too is it worth waiting for.
    if (!(isConnectError(outcome.error) && asked === 0) && (await hasEnded(lease))) continue;
    const reason = redactText(networkReasonOf(outcome.error), endpoint);
    if (++asked > 1)
      throw new LaminaError(
        'MODEL_SERVER_UNREACHABLE',
        { model: open.target.model.name, reason },
        { cause: outcome.error },
      );
    failed = endpoint;
  }
}

async function attempt(
  open: OpenRequest,
  endpoint: Endpoint,
  sending: Sending,
  upstreams: Upstreams,
): Promise<Outcome> {
  const { method, target, response, client } = sending;
  const { signal } = open.lease;
  const { bytes, contentType } = await sending.body();
  if (client.aborted || signal.aborted)
    return { kind: 'failed', error: LaminaError.from(client.reason ?? signal.reason) };
  const { pool, path } = upstreams.at(endpoint);
  const relay = new Relay(response, open.id, open.lease);
  const leave = (): void => relay.cancel(LaminaError.from(client.reason));
  client.addEventListener('abort', leave);
  const stopWatching = watchLoss(signal, relay);
  pool.dispatch(
    {
      method,
      path: `${path}/${target}`,
      headers: engineHeaders(open.request.headers, contentType, endpoint.headers),
      ...(bytes === undefined ? {} : { body: bytes }),
    },
    relay,
  );
  const outcome = await relay.outcome;
  stopWatching();
  client.removeEventListener('abort', leave);
  return outcome;
}

// A connection that breaks is often the first sign that an engine has ended; the word of its process comes a moment
// later.
export async function hasEnded(lease: Lease): Promise<boolean> {
  if (!isLost(lease)) await Promise.race([lease.ended, after(exitGraceMs, undefined, { ref: false })]);
  return isLost(lease);
}

function isLost(lease: Lease): boolean {
  return lease.over || lease.signal.aborted;
}

function isConnectError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return (
    code === 'ECONNREFUSED' ||
    code === 'ENOENT' ||
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'EHOSTUNREACH' ||
    code === 'ENOTFOUND'
  );
}

// Only a death is made good by a fresh engine; one that was stopped on purpose stays stopped.
async function replace(open: OpenRequest): Promise<void> {
  const { signal } = open.lease;
  if (signal.aborted && !LaminaError.is(signal.reason, 'MODEL_SERVER_EXITED')) throw signal.reason;
  await open.renew();
}
