// A call that must end: by itself, by its caller's signal, or by a limit.

/**
 * Runs `run` with a signal that is aborted when `signal` is, or after `ms` with the error `late` makes. Rejects as soon as that happens,
 * whether or not `run` heeds its signal. Listeners and timer are gone when it settles.
 */
export async function withLimit<T>(signal: AbortSignal, ms: number, late: () => Error, run: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const passOn = () => controller.abort(signal.reason);
  const timer = setTimeout(() => controller.abort(late()), Math.min(ms, 2 ** 31 - 1));
  signal.addEventListener('abort', passOn, { once: true });
  try {
    return await Promise.race([rejectOnAbort(controller.signal), Promise.resolve().then(() => run(controller.signal))]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', passOn);
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  const rejection = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  rejection.catch(() => undefined);
  return rejection;
}
