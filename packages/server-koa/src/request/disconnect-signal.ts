// Detects that a client has disconnected.
import { setMaxListeners, type EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LaminaError } from '@lamina/core';

const signalKey = Symbol('disconnectSignal');

interface Connection extends EventEmitter {
  [signalKey]?: AbortSignal;
}

/**
 * Aborted when the client has disconnected; the reason is the LaminaError `ABORTED`. Under HTTP/1 the requests of a
 * connection share one signal, because signals are expensive to make; a request that has been answered no longer
 * listens when the connection ends.
 */
export function disconnectSignal({
  req,
  res,
}: {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}): AbortSignal {
  const connection: Connection = req.httpVersionMajor === 1 ? req.socket : res;
  return (connection[signalKey] ??= createSignal(connection, res));
}

/**
 * Aborted when the client disconnects before the response has ended; the reason is the LaminaError `ABORTED`. It belongs
 * to one request: what listens to it is released with it.
 */
export function responseSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    if (!response.writableFinished) controller.abort(new LaminaError('ABORTED', {}));
  };
  if (response.destroyed) abort();
  else response.once('close', abort);
  return controller.signal;
}

function createSignal(connection: EventEmitter, response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // Pipelined requests listen at the same time.
  const abort = (): void => controller.abort(new LaminaError('ABORTED', {}));
  if (response.destroyed) abort();
  else connection.once('close', abort);
  return controller.signal;
}
