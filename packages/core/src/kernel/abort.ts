// Waiting for a promise no longer than somebody wants its answer.

/**
 * What `work` comes to, as long as the signal is not aborted. The work itself goes on, so give it the signal too where
 * it takes one. For a limit in time, combine signals: `AbortSignal.any([signal, AbortSignal.timeout(ms)])`.
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
