// Sends a request to its model's engine, and once more where the first attempt cannot have reached the client.
import { setTimeout as delay } from 'node:timers/promises';
import type { Endpoint } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import type { ResponseSink } from '../contract/inference.js';
import type { Lease } from '../contract/runtime.js';
import { networkReasonOf } from '../kernel/reason.js';
import { redactText } from './engine-error.js';
import { engineHeaders } from './headers.js';
import { Relay, type RelayOutcome } from './relay.js';
import type { LeasedRequest } from './request.js';
import type { Upstreams } from './upstreams.js';

/** What every attempt sends. */
interface Sending {
  readonly method: string;
  /** What comes after the endpoint's base URL, with its query. */
  readonly target: string;
  readonly sink: ResponseSink;
  /** Aborted when the answer is no longer wanted. */
  readonly signal: AbortSignal;
}

/** An answer that began, and where it came from. */
export type SendOutcome = Exclude<RelayOutcome, { kind: 'failed' }> & { readonly endpoint: Endpoint };

/**
 * How long a broken connection waits for the exit of the engine's process, in milliseconds. The exit is reported within
 * a few milliseconds when there is one.
 */
const exitGraceMs = 250;

/**
 * Sends until an answer begins. An engine that died before that is replaced by a new one, once; a live one that dropped
 * the connection is asked again, once, at another of its endpoints where it has several.
 * @throws LaminaError what ended the engine or the request, while nothing has been sent to the client
 */
export async function send(handle: LeasedRequest, sending: Sending, upstreams: Upstreams): Promise<SendOutcome> {
  let failed: Endpoint | undefined;
  let failures = 0;
  for (;;) {
    if (isLost(handle.lease)) await replace(handle);
    const { lease } = handle;
    const endpoint = lease.endpoint(failed);
    const outcome = await attempt(handle, endpoint, sending, upstreams);
    if (outcome.kind !== 'failed') return { ...outcome, endpoint };
    if (sending.signal.aborted) throw LaminaError.from(sending.signal.reason);
    // After a refused connection another endpoint is tried at once; only a second failure waits for the exit.
    if (!(isConnectError(outcome.error) && failures === 0) && (await hasEnded(lease))) continue;
    const reason = redactText(networkReasonOf(outcome.error), endpoint);
    if (++failures > 1)
      throw new LaminaError(
        'MODEL_SERVER_UNREACHABLE',
        { model: handle.target.model.name, reason },
        { cause: outcome.error },
      );
    failed = endpoint;
  }
}

/** What ended an answer in its middle. */
export async function cutReason(
  { lease, target }: LeasedRequest,
  error: Error,
  endpoint: Endpoint,
): Promise<LaminaError> {
  await hasEnded(lease);
  if (LaminaError.is(lease.signal.reason)) return lease.signal.reason;
  const reason = `its answer broke off (${redactText(networkReasonOf(error), endpoint)})`;
  return new LaminaError('MODEL_SERVER_UNREACHABLE', { model: target.model.name, reason }, { cause: error });
}

async function attempt(
  handle: LeasedRequest,
  endpoint: Endpoint,
  { method, target, sink, signal }: Sending,
  upstreams: Upstreams,
): Promise<RelayOutcome> {
  const { lease } = handle;
  const { bytes, contentType } = await handle.engineBody();
  if (signal.aborted || lease.signal.aborted)
    return { kind: 'failed', error: LaminaError.from(signal.reason ?? lease.signal.reason) };
  const { pool, path } = upstreams.at(endpoint);
  const relay = new Relay(sink, handle.id, lease);
  const stopListening = [signal, lease.signal].map((each) => cancelOnAbort(each, relay));
  pool.dispatch(
    {
      method,
      path: `${path}/${target}`,
      headers: engineHeaders(handle.request.headers, contentType, endpoint.headers),
      ...(bytes === undefined ? {} : { body: bytes }),
    },
    relay,
  );
  const outcome = await relay.outcome;
  for (const stop of stopListening) stop();
  return outcome;
}

// A broken connection is often the first sign that an engine has ended; the exit of its process is reported a moment
// later.
async function hasEnded(lease: Lease): Promise<boolean> {
  if (!isLost(lease)) await Promise.race([lease.ended, delay(exitGraceMs, undefined, { ref: false })]);
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

// Only an engine that died is replaced; one that was stopped on purpose stays stopped.
async function replace(handle: LeasedRequest): Promise<void> {
  const { signal } = handle.lease;
  if (signal.aborted && !LaminaError.is(signal.reason, 'MODEL_SERVER_EXITED')) throw signal.reason;
  await handle.renew();
}

/** What {@link cancelOnAbort} cancels. */
interface Cancellable {
  cancel(reason: LaminaError): void;
}

// One listener for each server and each connection of a client instead of one for each request, and arrays on purpose: a
// Set, like the listeners of a signal, links what it has removed to what came after, so that one old entry keeps thousands
// of finished requests alive until a full collection. Measured, that doubled the cost of a request.
const cancellables = new WeakMap<AbortSignal, Cancellable[]>();

/** Cancels `request` when the signal is aborted, until the returned function is called. */
function cancelOnAbort(signal: AbortSignal, request: Cancellable): () => void {
  let requests = cancellables.get(signal);
  if (requests === undefined) {
    const all: Cancellable[] = (requests = []);
    cancellables.set(signal, all);
    const cancelAll = (): void => [...all].forEach((each) => each.cancel(LaminaError.from(signal.reason)));
    signal.addEventListener('abort', cancelAll, { once: true });
  }
  requests.push(request);
  return () => remove(requests, request);
}

// The last entry takes the place of the removed one, since their order does not matter.
function remove(requests: Cancellable[], request: Cancellable): void {
  const index = requests.indexOf(request);
  if (index < 0) return;
  const last = requests.pop()!;
  if (last !== request) requests[index] = last;
}
