// The log of an engine as the page shows it: follows it, and prepares its lines.
import { LaminaClientError, type EngineLogLine, type LaminaClient } from '@lamina/client';
import { withoutControls } from '../../plain-text.js';

/** A line of the list. */
export interface LogLine extends Pick<EngineLogLine, 'at' | 'text'> {
  /** `page`: a remark of the page about the lines. */
  readonly stream: EngineLogLine['stream'] | 'page';
}

/**
 * Follows the log of a model from its oldest kept line on, over restarts of its engine, lost connections and restarts of
 * the server. Resolves when the server ends it because the model was removed.
 * @throws LaminaClientError `MODEL_NOT_FOUND`, `FORBIDDEN`, `ABORTED`, `CLOSED`
 */
export async function followEngineLog(
  client: LaminaClient,
  model: string,
  signal: AbortSignal,
  add: (line: LogLine) => void,
): Promise<void> {
  let after: number | undefined;
  for (;;) {
    try {
      for await (const line of client.models.followLogs(model, { ...(after === undefined ? {} : { after }), signal })) {
        after = line.number;
        if (line.dropped !== undefined) add(remark(line.at, `${line.dropped} lines were missed`));
        add({ at: line.at, stream: line.stream, text: withoutControls(line.text) });
      }
      return;
    } catch (error) {
      if (!isLost(error)) throw error;
    }
    if (await connectedAgain(client, signal)) {
      after = undefined; // The lines of another server have other numbers.
      add(remark(new Date().toISOString(), 'The server was started again'));
    }
  }
}

function remark(at: string, text: string): LogLine {
  return { at, stream: 'page', text };
}

function isLost(error: unknown): boolean {
  return error instanceof LaminaClientError && ['CONNECTION_LOST', 'UNREACHABLE'].includes(error.code);
}

/** Resolves at the next connection: whether the server is another one. */
function connectedAgain(client: LaminaClient, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const stop = client.on(
      'connected',
      ({ restarted }) => {
        signal.removeEventListener('abort', abort);
        stop();
        resolve(restarted);
      },
      { signal },
    );
  });
}

/** Lines as text, for the clipboard and files. */
export function textOfLog(lines: readonly LogLine[]): string {
  return lines.map(({ at, stream, text }) => `${at} ${stream} ${text}\n`).join('');
}

/** The name of a file with the log of a model. Names of models may have slashes. */
export function logFileName(model: string): string {
  return `${model.replace(/[^\w.-]+/g, '-')}.log`;
}
