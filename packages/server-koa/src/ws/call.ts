// Frames with one reply: runs the work of a frame and sends `reply` or `error`.
import { abortable, LaminaError } from '@lamina/core';
import type { ServerFrame } from '@lamina/core/protocol';
import { visibleError, visibleTo } from '../middleware/redaction.js';
import type { Peer } from './peer.js';

/** The work of a call; its result is sent as `reply`. */
export type CallWork = (signal: AbortSignal) => object | Promise<object>;

/**
 * Begins a call under the frame's id; the promise settles when its reply is sent, and never rejects.
 * @throws LaminaError what `Tasks.begin` throws
 */
export function runCall(peer: Peer, id: string, work: CallWork): Promise<void> {
  const controller = new AbortController();
  peer.tasks.begin(id, { kind: 'call', abort: (reason) => controller.abort(reason) });
  const { signal } = controller;
  return abortable(Promise.resolve(signal).then(work), signal).then(
    (result) => peer.tasks.end(id, { type: 'reply', id, result: visibleTo(peer.caller, result) as never }),
    (error: unknown) => peer.tasks.end(id, errorFrame(peer, id, error)),
  );
}

/** The frame that reports an error to the client. */
export function errorFrame({ lamina, caller }: Peer, id: string | undefined, thrown: unknown): ServerFrame<'error'> {
  const error = LaminaError.from(thrown);
  if (error.code === 'INTERNAL')
    lamina.log.error({ err: error.cause }, 'A WebSocket frame failed with an internal error');
  return { type: 'error', ...(id === undefined ? {} : { id }), error: visibleError(caller, error.toWire()) };
}
