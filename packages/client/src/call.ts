// Calls: one frame and its reply, or the parts before it.
import type { Connection } from './connection.js';
import { abortedError, errorOf, type LaminaClientError } from './error.js';
import { readExchange } from './read-exchange.js';

/** The options of a call. */
export interface CallOptions {
  /** Gives up the call, which then throws `ABORTED`. A model that loads and a download go on if others need them. */
  readonly signal?: AbortSignal | undefined;
}

const endFrame = { type: 'call.cancel' };

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
      endFrame,
      isUnrepeatable,
      receive(frame) {
        if (frame.type !== 'reply' && frame.type !== 'error') return;
        connection.remove(id);
        if (frame.type === 'error') return fail(errorOf(frame));
        signal?.removeEventListener('abort', abort);
        resolve(frame['result'] as Result);
      },
      fail,
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/**
 * Sends a frame when it is read, and returns the parts of its result. Leaving the loop gives up the call.
 * @internal
 */
export function callForParts<Part = Readonly<Record<string, unknown>>>(
  connection: Connection,
  frame: object,
  { signal }: CallOptions,
): AsyncGenerator<Part, void, undefined> {
  return readExchange<Part>(
    connection,
    {
      frame: () => frame,
      endFrame,
      isUnrepeatable: true,
      receive(received, output) {
        if (received.type === 'part') output.push(received['part'] as Part);
        if (received.type === 'reply') output.end();
        if (received.type === 'error') output.end(errorOf(received));
      },
    },
    signal,
  );
}
