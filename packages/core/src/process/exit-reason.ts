// Says in one sentence why an engine ended.
import { LaminaError } from '../contract/errors.js';
import type { Logger } from '../contract/context.js';
import type { Model } from '../contract/models.js';
import type { ProcessDescription } from './description.js';
import { gpuFailure, gpuMismatch } from './gpu-failure.js';
import type { ProcessEnd } from './server-process.js';

const shownLines = 20;
const informative =
  /error|fail|cannot|could not|couldn't|unable|invalid|fatal|panic|exception|not found|denied|abort|out of memory/i;

/** The last 20 lines. */
export function lastLines(lines: readonly string[]): readonly string[] {
  return lines.slice(-shownLines);
}

/**
 * The mismatch of engine and GPU that it printed, else the explanation of the backend, the failure of the GPU, the signal,
 * or the last informative line.
 */
export function reasonOfExit(
  description: Pick<ProcessDescription, 'explain'>,
  about: { model: Model; end: ProcessEnd; lines: readonly string[]; log: Logger },
): string {
  const { end, lines } = about;
  if (end.outOfMemory === false) return 'another program killed the engine with SIGKILL; memory had not run out';
  const failedItself = end.code !== 0 && (end.signal === null || end.signal === 'SIGABRT');
  return (
    (failedItself ? gpuMismatch(lines) : undefined) ??
    explained(description, about) ??
    (failedItself ? gpuFailure(lines) : undefined) ??
    reasonOfEnd(end, lines)
  );
}

function explained(
  description: Pick<ProcessDescription, 'explain'>,
  { model, end, lines, log }: { model: Model; end: ProcessEnd; lines: readonly string[]; log: Logger },
): string | undefined {
  try {
    return description.explain?.(lines, { model, exit: end }) || undefined;
  } catch (error) {
    log.warn({ error: String(error) }, 'The backend failed to explain the output of its engine');
    return undefined;
  }
}

function reasonOfEnd({ code, signal, outOfMemory }: ProcessEnd, lines: readonly string[]): string {
  if (outOfMemory === true) return 'the system killed the engine because memory ran out';
  if (signal !== null && signal !== 'SIGABRT') return `the engine was killed by ${signal}`;
  const line = lines.findLast((candidate) => informative.test(candidate)) ?? lines.at(-1);
  const end = signal === null ? `ended with code ${code}` : `aborted (${signal})`;
  return `the engine ${end}${line === undefined ? ' and printed nothing' : `: ${line}`}`;
}

/** The error of a start whose engine has ended. */
export function startFailed(model: Model, reason: string, lines: readonly string[], end?: ProcessEnd): LaminaError {
  return new LaminaError('MODEL_START_FAILED', {
    model: model.name,
    reason,
    last_lines: lastLines(lines),
    ...(end === undefined || end.code === null ? {} : { exit_code: end.code }),
    ...(end === undefined || end.signal === null ? {} : { signal: end.signal }),
    ...(end?.outOfMemory === true ? { out_of_memory: true } : {}),
  });
}
