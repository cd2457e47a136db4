// How an answer that broke off says so: in the dialect of its route where it is a stream, and never with a clean end.
import { LaminaError, networkReasonOf, type Endpoint, type OpenRequest, type WireError } from '@lamina/core';
import type { Context } from 'koa';
import { wireFor } from '../middleware/error-body.js';
import { redactText } from './redact.js';
import { hasEnded, type Sent } from './send.js';

/**
 * Ends an answer whose engine was lost: an error event for a stream of events, then the connection is destroyed.
 * Returns what ended it.
 */
export async function breakOff(
  ctx: Context,
  route: string,
  open: OpenRequest,
  cut: Extract<Sent, { kind: 'cut' }>,
): Promise<LaminaError> {
  const response = ctx.res;
  const error = await lossOf(open, cut.error, cut.endpoint);
  if (!cut.events || response.destroyed) {
    response.destroy();
    return error;
  }
  const last = cut.tail.at(-1);
  const between = last === undefined || last.subarray(-2).equals(eventEnd) ? '' : '\n\n';
  response.write(between + streamError(route, wireFor(ctx, error)), () => response.destroy());
  return error;
}

const eventEnd = Buffer.from('\n\n');

/** What ended an answer in its middle. */
export async function lossOf({ lease, target }: OpenRequest, error: Error, endpoint: Endpoint): Promise<LaminaError> {
  await hasEnded(lease);
  if (LaminaError.is(lease.signal.reason)) return lease.signal.reason;
  const reason = `its answer broke off (${redactText(networkReasonOf(error), endpoint)})`;
  return new LaminaError('MODEL_SERVER_UNREACHABLE', { model: target.model.name, reason }, { cause: error });
}

/** The event that tells the reader of a stream of this route that the answer is not whole. */
export function streamError(route: string, error: WireError): string {
  if (route === 'messages') return `event: error\ndata: ${JSON.stringify({ type: 'error', error })}\n\n`;
  if (route === 'responses') {
    const { message, code, param } = error;
    return `event: error\ndata: ${JSON.stringify({ type: 'error', code, message, param, error })}\n\n`;
  }
  return `data: ${JSON.stringify({ error })}\n\n`;
}
