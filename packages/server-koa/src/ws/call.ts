// Frames with one reply: runs the work of a frame and sends `reply` or `error`.
import { LaminaError } from '@lamina/core';
import type { ServerFrame } from '@lamina/core/protocol';
import { visibleError } from '../middleware/redaction.js';
import type { Peer } from './peer.js';

/** Begins a call under the frame's id, and sends a reply when its work is done. */
export function call(peer: Peer, id: string, work: (signal: AbortSignal) => Promise<object>): void {
  const controller = new AbortController();
  peer.tasks.begin(id, { kind: 'call', abort: (reason) => controller.abort(reason) });
  work(controller.signal).then(
    (result) => peer.tasks.end(id, { type: 'reply', id, result: result as never }),
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
