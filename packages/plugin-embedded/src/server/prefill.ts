// Computes a prompt in steps: the library checks its signal only after the whole prompt, which can take minutes.
import type { Sequence, Token } from './binding.js';

/** Steps become longer while they take less than this. */
const stepMs = 100;
const shortest = 32;

/**
 * Computes all tokens but the last, which the generation needs, and of them those that the sequence does not hold yet;
 * answers with the number of those it held.
 * @throws the signal's reason, between two steps
 */
export async function prefill(sequence: Sequence, tokens: readonly Token[], signal: AbortSignal): Promise<number> {
  const prompt = tokens.slice(0, -1);
  await sequence.adaptStateToTokens(prompt, false);
  const held = sequence.nextTokenIndex;
  for (let step = shortest; sequence.nextTokenIndex < prompt.length;) {
    signal.throwIfAborted();
    const began = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(
      prompt.slice(sequence.nextTokenIndex, sequence.nextTokenIndex + step),
    );
    step = performance.now() - began < stepMs ? 2 * step : Math.max(shortest, step / 2);
  }
  signal.throwIfAborted();
  return held;
}
