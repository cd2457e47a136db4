// An answer in process, read as typed chunks.
import type { CompletionChunk, CompletionStream, InferenceStream } from '../contract/chat.js';
import { LaminaError } from '../contract/errors.js';
import type { Usage } from '../contract/frames.js';
import { failureOf } from '../kernel/abort.js';
import type { RunResult } from './answer-end.js';
import { ChunkQueue } from './chunk-queue.js';
import { EngineRefusal } from './engine-refusal.js';

/** Runs the request; the chunks of its answer go to the queue. */
export type Run = (queue: ChunkQueue, signal: AbortSignal) => Promise<RunResult>;

/** See {@link InferenceStream}. */
export abstract class StreamedAnswer<Chunk> implements InferenceStream<Chunk> {
  usage: Usage | undefined;
  finishReason: string | undefined;
  readonly #run: Run;
  readonly #signal: AbortSignal | undefined;
  #isRead = false;

  constructor(
    readonly id: string,
    run: Run,
    signal: AbortSignal | undefined,
  ) {
    this.#run = run;
    this.#signal = signal;
  }

  /** The text in a chunk. */
  protected abstract textOf(chunk: Chunk): string;

  [Symbol.asyncIterator](): AsyncGenerator<Chunk, void> {
    if (this.#isRead)
      throw new LaminaError('CONFLICT', { message: 'The answer to this request is read already. Start another one.' });
    this.#isRead = true;
    return this.#chunks();
  }

  async text(): Promise<string> {
    let text = '';
    for await (const chunk of this) text += this.textOf(chunk);
    return text;
  }

  async *#chunks(): AsyncGenerator<Chunk, void> {
    const queue = new ChunkQueue();
    const left = new AbortController();
    const signal = this.#signal === undefined ? left.signal : AbortSignal.any([this.#signal, left.signal]);
    const running = this.#run(queue, signal);
    running.then(
      () => queue.end(),
      () => queue.end(),
    );
    try {
      for (;;) {
        const chunk = await queue.next();
        if (chunk === undefined) break;
        yield chunk as unknown as Chunk;
      }
      this.#end(await running);
    } catch (error) {
      throw failureOf(error, signal);
    } finally {
      left.abort(new LaminaError('ABORTED', {}));
      await running.catch(() => undefined); // The request has finished when the loop has ended.
    }
  }

  #end(result: RunResult): void {
    throwFailure(result);
    this.usage = result.usage as Usage | undefined;
    this.finishReason = result.finishReason;
  }
}

/** See {@link CompletionStream}. */
export class InferenceCompletion extends StreamedAnswer<CompletionChunk> implements CompletionStream {
  protected textOf({ choices }: CompletionChunk): string {
    return choices.find(({ index = 0 }) => index === 0)?.text ?? '';
  }
}

/** @throws LaminaError what the request failed with; an engine's own error as `ENGINE_REFUSED` */
export function throwFailure(result: RunResult): asserts result is Extract<RunResult, { kind: 'answered' }> {
  if (result.kind === 'refused') throw new EngineRefusal(result.status, result.error, result.retryAfter);
  if (result.kind === 'cut') throw LaminaError.is(result.error) ? result.error : new EngineRefusal(502, result.error);
}
