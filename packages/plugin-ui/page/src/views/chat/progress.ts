// What an answer waits for, in words.
import { formatNumber, formatRatio } from '../../format.js';
import type { Progress } from './answer-draft.js';

/** A sentence, and how far it is: 0 to 1. */
export interface ProgressText {
  readonly text: string;
  readonly ratio?: number;
}

/** Says what an answer waits for. @param isReady The model has been loaded. */
export function progressText(progress: Progress, model: string, isReady: boolean): ProgressText {
  switch (progress.kind) {
    case 'queued':
      return {
        text:
          progress.position === 1 ? 'Waiting: next in the queue' : `Waiting: number ${progress.position} in the queue`,
      };
    case 'reading': {
      const { done, total } = progress;
      return {
        text: `Reading ${formatNumber(done)} of ${formatNumber(total)} tokens`,
        ratio: total === 0 ? 0 : done / total,
      };
    }
    case 'loading':
      if (isReady) return { text: 'Reading the prompt' };
      if (progress.ratio === undefined) return { text: `Loading ${model}` };
      return { text: `Loading ${model}: ${formatRatio(progress.ratio)}`, ratio: progress.ratio };
    case 'sent':
      return { text: `Waiting for ${model}` };
  }
}
