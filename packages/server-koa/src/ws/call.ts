// Frames with one reply: runs the work of a frame and sends `reply` or `error`.
import { abortable, LaminaError } from '@lamina/core';
import type { ServerFrame } from '@lamina/core/protocol';
import { visibleError } from '../middleware/redaction.js';
import type { Peer } from './peer.js';

/** What a call returns: the result, or parts and then the result. */
export type CallResult = object | Promise<object> | AsyncIterable<object>;

/**
 * Begins a call under the frame's id; the promise settles when its reply is sent, and never rejects.
 * @throws LaminaError what `Tasks.begin` throws
 */
export function runCall(peer: Peer, id: string, work: (signal: AbortSignal) => CallResult): Promise<void> {
  const controller = new AbortController();
  peer.tasks.begin(id, { kind: 'call', abort: (reason) => controller.abort(reason) });
  const { signal } = controller;
  // The work begins at once: a signal that is aborted before would call none of its listeners.
  const result = new Promise<object>((resolve) => resolve(work(signal))).then((value) =>
    isIterable(value) ? sendParts(peer, id, value, signal) : value,
  );
  return abortable(result, signal).then(
    (value) => peer.tasks.end(id, { type: 'reply', id, result: value as never }),
    (error: unknown) => peer.tasks.end(id, errorFrame(peer, id, error)),
  );
}

function isIterable(value: object): value is AsyncIterable<object, object | undefined> {
  return Symbol.asyncIterator in value;
}

/** Sends each part, as fast as the client reads them. Resolves to what the iterable returns at its end. */
async function sendParts(
  { outbox }: Peer,
  id: string,
  parts: AsyncIterable<object, object | undefined>,
  signal: AbortSignal,
): Promise<object> {
  const iterator = parts[Symbol.asyncIterator]();
  const stop = (): void => void Promise.resolve(iterator.return?.()).catch(() => undefined);
  // At once, because the next part may never come.
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (let seq = 1; ; seq++) {
      const { done, value } = await iterator.next();
      signal.throwIfAborted();
      if (done === true) return value ?? {};
      outbox.send({ type: 'part', id, seq, part: value as never });
      if (outbox.full) await abortable(new Promise<void>((resolve) => outbox.onDrain(resolve)), signal);
    }
  } catch (error) {
    stop();
    throw error;
  }
}

/** The frame that reports an error to the client. */
export function errorFrame({ lamina, caller }: Peer, id: string | undefined, thrown: unknown): ServerFrame<'error'> {
  const error = LaminaError.from(thrown);
  if (error.code === 'INTERNAL')
    lamina.log.error({ err: error.cause }, 'A WebSocket frame failed with an internal error');
  return { type: 'error', ...(id === undefined ? {} : { id }), error: visibleError(caller, error.toWire()) };
}
