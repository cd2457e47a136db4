// An answer that is being received. It goes on whatever the page shows.
import { signal, type ReadonlySignal } from '@preact/signals';
import { LaminaClientError, type ChatOptions, type ChatPosition, type ChatStream } from '@lamina/client';
import { AnswerDraft, endOf, type Progress } from './answer-draft.js';
import type { Answer } from './conversation.js';
import type { Pacer } from './pacer.js';

/** What continues an answer after the page was loaded again: the text so far, and where the server goes on after it. */
export interface UnfinishedAnswer {
  readonly answer: Answer;
  /** Missing before the server accepted the request. */
  readonly position?: ChatPosition;
}

/** How an answer is received. */
export interface AnswerSource {
  /** Starts it, or continues it. */
  open(options: Pick<ChatOptions, 'signal' | 'onProgress'>): ChatStream;
  /** What there was of it before. */
  readonly before: Answer;
  readonly pacer: Pacer;
  /** The context of the model in tokens, when it is known. */
  contextLength(): number | undefined;
}

/** An answer that is being received. */
export class RunningAnswer {
  /** The answer and what it waits for, as they are shown: changed at most once a frame. */
  readonly shown: ReadonlySignal<{ readonly answer: Answer; readonly progress: Progress | undefined }>;
  /** The answer at its end, and the error that ended it. */
  readonly ended: Promise<{ readonly answer: Answer; readonly error?: LaminaClientError }>;

  readonly #draft: AnswerDraft;
  readonly #shown;
  readonly #stopping = new AbortController();
  readonly #pacer: Pacer;
  #stream: ChatStream | undefined;
  #cancelUpdate: (() => void) | undefined;

  constructor(source: AnswerSource) {
    this.#draft = new AnswerDraft(source.before);
    this.#shown = signal(this.#now());
    this.shown = this.#shown;
    this.#pacer = source.pacer;
    this.ended = this.#read(source);
  }

  /** Stops it. What has arrived is kept. */
  stop(): void {
    this.#stopping.abort();
  }

  /** The text and the position belong together: between two tasks, every chunk that was counted is in the text. */
  get unfinished(): UnfinishedAnswer {
    const position = this.#stream?.position;
    return { answer: this.#draft.answer, ...(position === undefined ? {} : { position }) };
  }

  async #read(source: AnswerSource): Promise<{ answer: Answer; error?: LaminaClientError }> {
    const draft = this.#draft;
    let error: LaminaClientError | undefined;
    try {
      const stream = source.open({
        signal: this.#stopping.signal,
        onProgress: (progress) => {
          if (draft.answer.firstAt === undefined) draft.progress = progress;
          this.#update();
        },
      });
      this.#stream = stream;
      for await (const chunk of stream) {
        draft.add(chunk);
        this.#update();
      }
      const { usage, finishReason } = stream;
      draft.end('complete', {
        ...(usage === undefined ? {} : { usage }),
        ...(finishReason === undefined ? {} : { finishReason }),
        ...contextOf(source),
      });
    } catch (caught) {
      error = caught instanceof LaminaClientError ? caught : unexpected(caught);
      const { state, ...details } = endOf(error);
      draft.end(state, { ...details, ...contextOf(source) });
    }
    this.#cancelUpdate?.();
    this.#shown.value = this.#now();
    return { answer: draft.answer, ...(error === undefined ? {} : { error }) };
  }

  #update(): void {
    this.#cancelUpdate ??= this.#pacer.schedule(() => {
      this.#cancelUpdate = undefined;
      this.#shown.value = this.#now();
    });
  }

  #now(): { answer: Answer; progress: Progress | undefined } {
    return { answer: this.#draft.answer, progress: this.#draft.progress };
  }
}

function contextOf(source: AnswerSource): Pick<Answer, 'contextLength'> {
  const contextLength = source.contextLength();
  return contextLength === undefined ? {} : { contextLength };
}

function unexpected(cause: unknown): LaminaClientError {
  return new LaminaClientError({ code: 'INTERNAL', message: `The page failed: ${(cause as Error).message}` });
}
