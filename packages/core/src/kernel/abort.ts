// Waits for promises until a signal is aborted or a time limit has passed.
import { LaminaError } from '../contract/errors.js';

/** Why a signal of a caller was aborted: its own LaminaError, or `ABORTED`, also when its time was over. */
export function abortError(signal: AbortSignal): LaminaError {
  const { reason } = signal as { reason: unknown };
  return LaminaError.is(reason) ? reason : new LaminaError('ABORTED', {}, { cause: reason });
}

/** What was thrown, as a LaminaError: `ABORTED` for anything else that a caller's signal ended. */
export function failureOf(thrown: unknown, signal: AbortSignal): LaminaError {
  return signal.aborted && !LaminaError.is(thrown) ? abortError(signal) : LaminaError.from(thrown);
}

/**
 * Settles as `work` does, or rejects when the signal is aborted. The work itself continues, so pass it the signal too if
 * it takes one. For a time limit, use {@link withTimeout}.
 * @throws the signal's reason
 */
export function abortable<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * Runs `run` with a signal that is aborted when `signal` is, or after `ms` milliseconds with the error `timeoutError`
 * makes. Rejects at that moment, whether or not `run` heeds its signal. Nothing is left behind when it settles.
 * @throws what `run` throws, the signal's reason, or the error of the timeout
 */
export async function withTimeout<T>(
  signal: AbortSignal,
  ms: number,
  timeoutError: () => Error,
  run: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController(); // AbortSignal.any takes 50 µs, and every request runs hooks.
  const cancel = () => controller.abort(signal.reason);
  let timer: NodeJS.Timeout | undefined;
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const answer = run(controller.signal);
    if (!isPromise(answer)) return answer;
    timer = setTimeout(() => controller.abort(timeoutError()), Math.min(ms, 2 ** 31 - 1));
    return await abortable(answer, controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}

function isPromise<T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  return typeof (answer as PromiseLike<T> | undefined)?.then === 'function';
}
