// How a request ended: what is reported of it, and what whoever asked gets to know.
import { LaminaError, type WireError } from '../contract/errors.js';
import type { ForwardResult } from '../contract/inference.js';
import type { JsonObject } from '../contract/schema.js';
import { abortError } from '../kernel/abort.js';
import { readEngineError, redactError } from './engine-error.js';
import type { EventReader } from './events.js';
import type { LeasedRequest } from './leased-request.js';
import { cutReason, type SendOutcome } from './send.js';
import { finishReasonIn, lastChunksIn, usageIn } from './usage.js';

/** As {@link ForwardResult}, with the error as it was thrown, where Lamina threw it. */
export type RunResult =
  | Exclude<ForwardResult, { kind: 'cut' }>
  | (Omit<Extract<ForwardResult, { kind: 'cut' }>, 'error'> & { readonly error: LaminaError | WireError });

/** Finishes the request, and describes how it ended. */
export async function endOf(
  handle: LeasedRequest,
  outcome: SendOutcome,
  signal: AbortSignal,
  reader: EventReader | undefined,
): Promise<RunResult> {
  const { endpoint } = outcome;
  if (outcome.kind === 'refused') return refusedEnd(handle, outcome);
  const end = reader ?? { usage: usageOf(handle, outcome.tail), finishReason: finishReasonIn(outcome.tail) };
  const known = knownEnd(end);
  const cut = (error: LaminaError | WireError, status: number, served: boolean): RunResult => {
    handle.finish({ status, served, error, cut: true, ...known });
    return {
      kind: 'cut',
      error,
      isEventStream: outcome.kind === 'cut' && outcome.isEventStream,
      midEvent: !endsEvent(outcome.tail),
      aborted: signal.aborted && reader?.error === undefined,
    };
  };
  if (reader?.error !== undefined) return cut(redactError(reader.error, endpoint), 502, true);
  if (outcome.kind === 'cut') {
    const { aborted } = signal;
    if (outcome.bySink) {
      const error = LaminaError.from(outcome.error);
      return cut(error, error.status, true);
    }
    const error = aborted ? abortError(signal) : await cutReason(handle, outcome.error, endpoint);
    return cut(error, error.status, aborted);
  }
  if (reader?.isComplete === false) {
    const error = await cutReason(handle, new Error('it ended without a finish_reason'), endpoint);
    return cut(error, error.status, false);
  }
  const { status } = outcome;
  handle.finish({ status, served: true, ...known });
  return { kind: 'answered', status, ...known };
}

function refusedEnd(handle: LeasedRequest, refused: Extract<SendOutcome, { kind: 'refused' }>): RunResult {
  const { body, endpoint, retryAfter } = refused;
  const { adapt } = handle.lease;
  const about = { model: handle.target.answering, route: handle.request.route };
  const adapted = adapt?.error?.(refused.status, body, about) ?? readEngineError(refused.status, body);
  const error = redactError(LaminaError.is(adapted) ? adapted.toWire() : adapted, endpoint);
  // A redirect, for example, would show the client where the engine is.
  const engineStatus = refused.status >= 400 && refused.status < 600 ? refused.status : 502;
  const status = LaminaError.is(adapted) ? adapted.status : engineStatus;
  handle.finish({ status, served: true, error });
  return { kind: 'refused', status, error, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

function usageOf({ lease, startUsage }: LeasedRequest, tail: readonly Buffer[]): JsonObject | undefined {
  const usage = usageIn(tail);
  if (usage !== undefined) return { ...startUsage, ...usage };
  const { adapt } = lease;
  if (adapt?.usage === undefined) return startUsage;
  for (const chunk of lastChunksIn(tail)) {
    const told = adapt.usage(chunk);
    if (told !== undefined) return told;
  }
  return startUsage;
}

interface AnswerEnd {
  readonly usage: JsonObject | undefined;
  readonly finishReason: string | undefined;
}

function knownEnd({ usage, finishReason }: AnswerEnd): { usage?: JsonObject; finishReason?: string } {
  return {
    ...(usage === undefined ? {} : { usage }),
    ...(finishReason === undefined ? {} : { finishReason }),
  };
}

const eventEnd = Buffer.from('\n\n');

function endsEvent(tail: readonly Buffer[]): boolean {
  const last = tail.at(-1);
  return last === undefined || last.subarray(-2).equals(eventEnd);
}
