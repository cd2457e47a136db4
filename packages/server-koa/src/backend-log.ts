// Logs the engines of this machine, and what to do about a missing one that is needed.
import { reasonOf, type BackendRecord, type Lamina, type Logger } from '@lamina/core';

/** Probes every backend, which runs programs. Never rejects: a failure is logged. The signal ends it. */
export async function listBackends(
  { backends, log }: Lamina,
  signal: AbortSignal,
): Promise<readonly BackendRecord[] | undefined> {
  try {
    return await backends.list({ signal });
  } catch (error) {
    if (!signal.aborted) log.error({ reason: reasonOf(error) }, 'The backends cannot be listed');
    return undefined;
  }
}

/** Logs a line for each backend. */
export function logBackends(records: readonly BackendRecord[], { models, log }: Lamina): void {
  const none = !records.some(({ availability }) => availability.available);
  const named = new Set(models.list().map(({ model }) => model.backend));
  for (const record of records) logBackend(record, none || named.has(record.name) || named.has(record.type), log);
  if (!none) return;
  const message =
    records.length === 0
      ? 'No plugin for an engine is loaded, so no model can run. Install one, such as: npm install @lamina/plugin-llamacpp'
      : 'No engine can run a model on this machine. Install one, such as llama.cpp, or add its plugin.';
  log.warn({ event: 'backends.none' }, message);
}

/** A missing backend is a warning when a model needs it, or when there is no other, and it has no fallback. */
function logBackend({ name, type, availability, fallback }: BackendRecord, isNeeded: boolean, log: Logger): void {
  if (availability.available) {
    const { version, executable, note } = availability;
    const where = [version, executable === undefined ? undefined : `at ${executable}`].filter(
      (part) => part !== undefined,
    );
    const message = [[`Found the backend ${name}`, ...where].join(' '), ...(note === undefined ? [] : [note])].join(
      '. ',
    );
    log.info({ event: 'backend.found', backend: name, type, version, executable }, message);
    return;
  }
  const { reason, hint } = availability;
  const remark = fallback === undefined ? '' : `; ${fallback} is used instead`;
  const isLacking = isNeeded && fallback === undefined;
  const message = `The backend ${name} is not available${remark}: ${reason}${isLacking ? `. ${hint}` : ''}`;
  log[isLacking ? 'warn' : 'info']({ event: 'backend.missing', backend: name, type, reason, hint }, message);
}
