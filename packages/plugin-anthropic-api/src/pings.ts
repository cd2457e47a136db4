// Keeps a client connected that waits: for a model to load, a long prompt, or its place in the queue.
import type { Clock } from '@lamina/core/plugin';
import type { MessageEvent } from './message.js';

/** How long a client waits for a sign of life, in milliseconds; as the streams of Lamina's own routes. */
export const pingMs = 15_000;

/** The events, and a ping whenever none has come for {@link pingMs}. */
export async function* withPings(
  events: AsyncGenerator<MessageEvent, void>,
  clock: Pick<Clock, 'after'>,
): AsyncGenerator<MessageEvent, void> {
  try {
    let next = events.next();
    for (;;) {
      const result = await orQuiet(next, clock);
      if (result === undefined) yield { type: 'ping' };
      else if (result.done === true) return;
      else {
        yield result.value;
        next = events.next();
      }
    }
  } finally {
    await events.return();
  }
}

/** What the promise resolves with; `undefined` when it takes too long. */
async function orQuiet<Value>(promise: Promise<Value>, clock: Pick<Clock, 'after'>): Promise<Value | undefined> {
  let cancel = (): void => undefined;
  const quiet = new Promise<undefined>((resolve) => {
    cancel = clock.after(pingMs, () => resolve(undefined));
  });
  try {
    return await Promise.race([promise, quiet]);
  } finally {
    cancel();
  }
}
