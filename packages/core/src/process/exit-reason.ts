// Says in one sentence why an engine ended.
import { LaminaError } from '../contract/errors.js';
import type { Logger } from '../contract/context.js';
import type { Model } from '../contract/models.js';
import type { ProcessDescription } from './description.js';
import type { ProcessEnd } from './server-process.js';

const shownLines = 20;
const informative =
  /error|fail|cannot|could not|couldn't|unable|invalid|fatal|panic|exception|not found|denied|abort|out of memory/i;

/** The last 20 lines. */
export function lastLines(lines: readonly string[]): readonly string[] {
  return lines.slice(-shownLines);
}

/** The explanation of the backend, else the signal or the last informative line. */
export function reasonOfExit(
  description: Pick<ProcessDescription, 'explain'>,
  about: { model: Model; end: ProcessEnd; lines: readonly string[]; log: Logger },
): string {
  const { model, end, lines, log } = about;
  try {
    const explained = description.explain?.(lines, { model, exit: end });
    if (explained !== undefined && explained !== '') return explained;
  } catch (error) {
    log.warn({ error: String(error) }, 'The backend failed to explain the output of its engine');
  }
  if (end.signal !== null) return reasonOfSignal(end.signal);
  const line = lines.findLast((candidate) => informative.test(candidate)) ?? lines.at(-1);
  return `the engine ended with code ${end.code}${line === undefined ? ' and printed nothing' : `: ${line}`}`;
}

/** The error of a start whose engine has ended. */
export function startFailed(model: Model, reason: string, lines: readonly string[], end?: ProcessEnd): LaminaError {
  return new LaminaError('MODEL_START_FAILED', {
    model: model.name,
    reason,
    last_lines: lastLines(lines),
    ...(end === undefined || end.code === null ? {} : { exit_code: end.code }),
    ...(end === undefined || end.signal === null ? {} : { signal: end.signal }),
  });
}

function reasonOfSignal(signal: NodeJS.Signals): string {
  const remark = signal === 'SIGKILL' ? '; if nobody killed it, the system ran out of memory' : '';
  return `the engine was killed by ${signal}${remark}`;
}
