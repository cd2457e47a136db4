// The memory that models may use, against what the models need.
import type { ModelRecord, ModelRun } from '@lamina/core';
import { showBytes } from '../amounts.js';
import type { Check, LaminaSubject, Problem } from './check.js';

/** The memory. */
export const memoryCheck: Check<LaminaSubject> = {
  id: 'memory',
  title: 'Memory',
  async run({ opened: { lamina }, runs }) {
    const { budget, totalBytes } = lamina.runtime.memory();
    const most = budget['host'] ?? totalBytes;
    const models = await runs();
    const problems = models.flatMap((model) => problemOf(model, most) ?? []);
    const [largest] = models
      .map(([{ model }, run]) => [model.name, needOf(run)] as const)
      .toSorted(([, a], [, b]) => b - a);
    const need =
      largest === undefined || largest[1] === 0
        ? ''
        : `; the largest one, ${largest[0]}, needs ${showBytes(largest[1])}`;
    return { summary: `${showBytes(most)} for models${need}`, problems };
  },
};

/** The estimate, where there is one. */
function memoryOf({ choice }: ModelRun) {
  return choice.backend === undefined ? undefined : choice.memory;
}

function needOf(run: ModelRun): number {
  const { hostBytes = 0, mappedBytes = 0 } = memoryOf(run) ?? {};
  return hostBytes + mappedBytes;
}

/** A model that can never start, or only runs slowly. */
function problemOf([{ model }, run]: readonly [ModelRecord, ModelRun], most: number): Problem | undefined {
  const memory = memoryOf(run);
  if (memory === undefined || needOf(run) <= most) return undefined;
  const { hostBytes, contextLength, largestContext } = memory;
  const amounts = `${showBytes(needOf(run))} of system memory, and models may use ${showBytes(most)}`;
  const isTooLarge = hostBytes > most;
  return {
    status: isTooLarge ? 'error' : 'warning',
    detail: isTooLarge
      ? `${model.name} can never start: it needs ${amounts}`
      : `${model.name} will be slow: it needs ${amounts}`,
    fix:
      largestContext !== undefined && largestContext > 0 && largestContext < contextLength
        ? `Use a context of at most ${largestContext} tokens in its "options", instead of ${contextLength}`
        : 'Use a smaller model or quantization, or raise limits.memory if it is set lower than this machine allows',
  };
}
