// Calls: one frame and its reply.
import type { Connection } from './connection.js';
import { abortedError, errorOf, type LaminaClientError } from './error.js';

/** The options of a call. */
export interface CallOptions {
  /** Gives up the call, which then throws `ABORTED`. A model that loads and a download go on if others need them. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a frame and returns the result of the reply. When the connection is lost before, the frame is sent again, unless
 * it is unrepeatable.
 * @internal
 */
export function call<Result>(
  connection: Connection,
  frame: object,
  { signal }: CallOptions,
  isUnrepeatable = false,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(abortedError(signal));
    const abort = (): void => {
      connection.end(id);
      reject(abortedError(signal!));
    };
    const fail = (error: LaminaClientError): void => {
      signal?.removeEventListener('abort', abort);
      reject(error);
    };
    const id = connection.add({
      frame: () => frame,
      endFrame: { type: 'call.cancel' },
      isUnrepeatable,
      receive(reply) {
        connection.remove(id);
        if (reply.type === 'error') return fail(errorOf(reply));
        signal?.removeEventListener('abort', abort);
        resolve(reply['result'] as Result);
      },
      fail,
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}
