// Tells all requests at once that the server they use is lost: one listener for each server, not one for each request.
import { LaminaError } from '@lamina/core';

/** Who is told. */
export interface Relying {
  /** Called once, with what ended the server. */
  cancel(reason: LaminaError): void;
}

// Arrays on purpose. A Set, like the listeners of a signal, chains what it has dropped to what came after, so that one
// old piece keeps thousands of finished requests alive until a full collection: measured, it doubled the cost of a
// request.
const relying = new WeakMap<AbortSignal, Relying[]>();

/** Cancels `request` when the signal of its lease is aborted; the answer ends that. */
export function watchLoss(signal: AbortSignal, request: Relying): () => void {
  let all = relying.get(signal);
  if (all === undefined) {
    all = [];
    relying.set(signal, all);
    signal.addEventListener('abort', () => tell(signal), { once: true });
  }
  all.push(request);
  return () => remove(all, request);
}

// The last one takes the place of the one that goes: their order does not matter.
function remove(all: Relying[], request: Relying): void {
  const index = all.indexOf(request);
  if (index < 0) return;
  const last = all.pop()!;
  if (last !== request) all[index] = last;
}

function tell(signal: AbortSignal): void {
  for (const request of [...(relying.get(signal) ?? [])]) request.cancel(LaminaError.from(signal.reason));
}
