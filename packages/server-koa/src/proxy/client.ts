// Notices that a client has gone.
import { setMaxListeners, type EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LaminaError } from '@lamina/core';

const leaving = Symbol('leaving');

interface Watched extends EventEmitter {
  [leaving]?: AbortSignal;
}

/**
 * Aborted when the client has left; its reason is the LaminaError `ABORTED`. Under HTTP/1 there is one for all requests
 * of a connection, for a signal is among the dearest things to make; whoever has answered has long stopped listening
 * when the connection ends.
 */
export function clientOf({ req, res }: { readonly req: IncomingMessage; readonly res: ServerResponse }): AbortSignal {
  const watched: Watched = req.httpVersionMajor === 1 ? req.socket : res;
  return (watched[leaving] ??= watch(watched, res));
}

function watch(watched: EventEmitter, response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  // Requests may be sent one behind the other on a connection, without waiting for answers: each listens.
  setMaxListeners(0, controller.signal);
  const leave = (): void => controller.abort(new LaminaError('ABORTED', {}));
  if (response.destroyed) leave();
  else watched.once('close', leave);
  return controller.signal;
}
