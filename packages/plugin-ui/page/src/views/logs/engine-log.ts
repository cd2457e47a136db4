// The log of an engine as the page shows it: follows it, and prepares its lines.
import type { EngineLogLine, LaminaClient, LaminaClientError } from '@lamina/client';
import { withoutControls } from '../../plain-text.js';

/** A line of the list. */
export interface LogLine extends Pick<EngineLogLine, 'at' | 'text'> {
  /** `page`: a remark of the page about the lines. */
  readonly stream: EngineLogLine['stream'] | 'page';
}

/** Errors after which the log goes on later. `ABORTED`: by this file, because the server is another one. */
const temporary: readonly string[] = ['CONNECTION_LOST', 'UNREACHABLE', 'SHUTTING_DOWN', 'ABORTED'];

/** Milliseconds until another attempt. */
const delay = 300;

/**
 * Follows the log of a model from its oldest kept line on, over restarts of its engine, lost connections and restarts of
 * the server, until the signal is aborted.
 * @throws LaminaClientError `MODEL_NOT_FOUND`, also when the model is removed later; `FORBIDDEN`, `ABORTED`, `CLOSED`
 */
export async function followEngineLog(
  client: LaminaClient,
  model: string,
  signal: AbortSignal,
  add: (line: LogLine) => void,
): Promise<never> {
  let after: number | undefined;
  let attempt = new AbortController();
  const onConnected = ({ restarted }: { readonly restarted: boolean }): void => {
    if (!restarted) return;
    after = undefined; // The lines of another server have other numbers.
    add(remark(new Date().toISOString(), 'The server was started again'));
    attempt.abort();
  };
  client.on('connected', onConnected, { signal });
  for (;;) {
    attempt = new AbortController();
    const range = { ...(after === undefined ? {} : { after }), signal: AbortSignal.any([signal, attempt.signal]) };
    try {
      // It ends when the server closes, or the model was removed: then another attempt fails.
      for await (const line of client.models.followLogs(model, range)) {
        after = line.number;
        if (line.dropped !== undefined) add(remark(line.at, `${line.dropped} lines were missed`));
        add({ at: line.at, stream: line.stream, text: withoutControls(line.text) });
      }
    } catch (error) {
      if (signal.aborted || !temporary.includes((error as LaminaClientError).code)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, delay));
  }
}

function remark(at: string, text: string): LogLine {
  return { at, stream: 'page', text };
}

/** Lines as text, for the clipboard and files. */
export function textOfLog(lines: readonly LogLine[]): string {
  return lines.map(({ at, stream, text }) => `${at} ${stream} ${text}\n`).join('');
}

/** The name of a file with the log of a model. Names of models may have slashes. */
export function logFileName(model: string): string {
  return `${model.replace(/[^\w.-]+/g, '-')}.log`;
}
