// Sends a request to its model's engine, and once more where the first attempt cannot have reached the client.
import { setTimeout as delay } from 'node:timers/promises';
import type { Endpoint } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import type { ResponseSink } from '../contract/inference.js';
import type { Lease } from '../contract/runtime.js';
import { abortError } from '../kernel/abort.js';
import { networkReasonOf } from '../kernel/reason.js';
import { redactText } from './engine-error.js';
import { engineHeaders } from './headers.js';
import { Relay, type RelayOutcome } from './relay.js';
import type { LeasedRequest } from './leased-request.js';
import { keyOf, type Upstreams } from './upstreams.js';

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

/** At how many endpoints a request is tried, at most: a server that always has another must not keep it forever. */
const maxAttempts = 5;

/**
 * Sends until an answer begins. An engine that died before that is replaced by a new one, once; a live one that dropped
 * the connection is asked again, once, and at each of its other endpoints where it has several.
 * @throws LaminaError what ended the engine or the request, while nothing has been sent to the client
 */
export async function send(handle: LeasedRequest, sending: Sending, upstreams: Upstreams): Promise<SendOutcome> {
  let failures: { readonly endpoint: Endpoint; readonly error: Error }[] = [];
  for (;;) {
    if (isLost(handle.lease)) {
      await replace(handle);
      failures = [];
    }
    const { lease } = handle;
    const last = failures.at(-1);
    const endpoint = await endpointOf(handle, last?.endpoint);
    if (endpoint === undefined) continue;
    const isTried = failures.some((failure) => keyOf(failure.endpoint) === keyOf(endpoint));
    if (last !== undefined && failures.length > 1 && (isTried || failures.length >= maxAttempts)) {
      endpoint.done?.('aborted');
      throw unreachable(handle, reasonOfFailure(last.error, last.endpoint), last.error);
    }
    const outcome = await attempt(handle, endpoint, sending, upstreams);
    if (outcome.kind !== 'failed') return { ...outcome, endpoint };
    if (outcome.bySink) throw outcome.error;
    if (sending.signal.aborted) throw abortError(sending.signal);
    // At first another endpoint is tried at once; only a second failure waits for the exit.
    const tryAtOnce = isLostEndpoint(endpoint) || (isConnectError(outcome.error) && failures.length === 0);
    if (!tryAtOnce && (await hasEnded(lease))) continue;
    failures.push({ endpoint, error: outcome.error });
  }
}

/** What ended an answer in its middle. */
export async function cutReason(handle: LeasedRequest, error: Error, endpoint: Endpoint): Promise<LaminaError> {
  const { lease } = handle;
  const reason = reasonOfFailure(error, endpoint);
  if (isLostEndpoint(endpoint)) return unreachable(handle, reason, error);
  await hasEnded(lease);
  if (LaminaError.is(lease.signal.reason)) return lease.signal.reason;
  return unreachable(handle, `its answer broke off (${reason})`, error);
}

/** The endpoint for the next attempt; `undefined` when the server has none because it has just ended. */
async function endpointOf(handle: LeasedRequest, failed: Endpoint | undefined): Promise<Endpoint | undefined> {
  const { lease } = handle;
  try {
    return lease.endpoint({ failed, request: handle.asSeen() });
  } catch (error) {
    if (await hasEnded(lease)) return undefined;
    throw error;
  }
}

/** Sends the request to one endpoint, which is told how that ended. */
async function attempt(
  handle: LeasedRequest,
  endpoint: Endpoint,
  sending: Sending,
  upstreams: Upstreams,
): Promise<RelayOutcome> {
  let ending: 'ok' | 'failed' | 'aborted' = 'aborted';
  try {
    const outcome = await relayed(handle, endpoint, sending, upstreams);
    const isOver = outcome.kind === 'answered' || outcome.kind === 'refused';
    const isAborted = sending.signal.aborted || handle.lease.signal.aborted || (!isOver && outcome.bySink);
    ending = isOver ? 'ok' : isAborted ? 'aborted' : 'failed';
    return outcome;
  } finally {
    endpoint.done?.(ending);
    if (isLostEndpoint(endpoint)) upstreams.drop(endpoint);
  }
}

async function relayed(
  handle: LeasedRequest,
  endpoint: Endpoint,
  { method, target, sink, signal }: Sending,
  upstreams: Upstreams,
): Promise<RelayOutcome> {
  const { lease } = handle;
  const { bytes, contentType } = await handle.engineBody();
  const signals = [signal, lease.signal, ...(endpoint.lost === undefined ? [] : [endpoint.lost])];
  const aborted = signals.find((each) => each.aborted);
  if (aborted !== undefined) return { kind: 'failed', error: abortError(aborted), bySink: false };
  const { pool, path } = upstreams.at(endpoint);
  const relay = new Relay(sink, handle.id, {
    onBytes() {
      lease.touch();
      endpoint.touch?.();
    },
    onFirstData: (chunk) => handle.onFirstData(chunk),
  });
  const stopListening = signals.map((each) => cancelOnAbort(each, relay));
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

function unreachable({ target }: LeasedRequest, reason: string, cause: Error): LaminaError {
  return new LaminaError('MODEL_SERVER_UNREACHABLE', { model: target.model.name, reason }, { cause });
}

function reasonOfFailure(error: Error, endpoint: Endpoint): string {
  return redactText(networkReasonOf(isLostEndpoint(endpoint) ? endpoint.lost?.reason : error), endpoint);
}

function isLostEndpoint({ lost }: Endpoint): boolean {
  return lost?.aborted === true;
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

// Only an engine that died or does not respond is replaced; one that was stopped on purpose stays stopped.
async function replace(handle: LeasedRequest): Promise<void> {
  const { aborted, reason } = handle.lease.signal as { aborted: boolean; reason: unknown };
  const isGone = LaminaError.is(reason, 'MODEL_SERVER_EXITED') || LaminaError.is(reason, 'MODEL_SERVER_UNREACHABLE');
  if (aborted && !isGone) throw reason;
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
    const cancelAll = (): void => [...all].forEach((each) => each.cancel(abortError(signal)));
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
