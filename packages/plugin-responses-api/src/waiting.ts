// Keeps a client connected that waits: for a model to load, for a long prompt, or for its place in the queue.
import type { Clock } from '@lamina/core/plugin';

/** How long a client waits for a sign of life, in milliseconds; as the streams of Lamina's own routes. */
const silenceMs = 15_000;

/** The parts, and what `fill` returns whenever none has come for {@link silenceMs}. */
export async function* withoutSilence<Part>(
  parts: AsyncGenerator<Part, void>,
  fill: () => Iterable<Part>,
  clock: Pick<Clock, 'after'>,
): AsyncGenerator<Part, void> {
  try {
    for (let next = parts.next(); ;) {
      const result = await orSilence(next, clock);
      if (result === undefined) {
        yield* fill();
        continue;
      }
      if (result.done === true) return;
      yield result.value;
      next = parts.next();
    }
  } finally {
    await parts.return();
  }
}

/** What the promise resolves with; `undefined` when that takes too long. */
async function orSilence<Value>(promise: Promise<Value>, clock: Pick<Clock, 'after'>): Promise<Value | undefined> {
  let cancel = (): void => undefined;
  const silence = new Promise<undefined>((resolve) => {
    cancel = clock.after(silenceMs, () => resolve(undefined));
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    cancel();
  }
}
