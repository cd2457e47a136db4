// Measures an answer: Ollama's clients compute tokens per second from its durations.
import type { Usage } from '@lamina/core/plugin';

/** The members of a chunk of llama-server that say how long it computed, in milliseconds. */
export interface Timings {
  readonly prompt_ms?: number;
  readonly predicted_ms?: number;
}

/** One request, from its start on. */
export class Timing {
  readonly #start = performance.now();
  #computingSince = this.#start;
  #firstChunk: number | undefined;
  #loadMs = 0;

  /** For `InferenceOptions.onWaited`. */
  readonly onWaited = ({ loadMs }: { readonly loadMs: number }): void => {
    this.#loadMs = loadMs;
    this.#computingSince = performance.now();
  };

  /** Call it for every chunk. */
  chunk(): void {
    this.#firstChunk ??= performance.now();
  }

  /** Durations in integer nanoseconds, those of the engine where it tells them. */
  get total(): { readonly total_duration: number; readonly load_duration: number } {
    return { total_duration: nanoseconds(performance.now() - this.#start), load_duration: nanoseconds(this.#loadMs) };
  }

  /** The durations and counters of the last line of an answer. */
  end(usage: Usage | undefined, timings: Timings | undefined): object {
    const now = performance.now();
    const first = this.#firstChunk ?? now;
    const { prompt_ms = first - this.#computingSince, predicted_ms = now - first } = timings ?? {};
    return {
      ...this.total,
      prompt_eval_count: usage?.prompt_tokens ?? 0,
      prompt_eval_duration: nanoseconds(prompt_ms),
      eval_count: usage?.completion_tokens ?? 0,
      eval_duration: nanoseconds(predicted_ms),
    };
  }
}

function nanoseconds(ms: number): number {
  return Math.round(ms * 1e6);
}
