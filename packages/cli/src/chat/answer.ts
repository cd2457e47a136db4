// Prints the answer of a model as it arrives, below a line that says what it waits for.
import { LaminaClientError, type ChatProgress, type ChatRequest, type LaminaClient } from '@lamina/client';
import { percent } from '../amounts.js';
import type { CliIo } from '../cli-io.js';
import { stripControls, type Printer } from '../printer.js';
import { StatusLine } from '../status-line.js';
import type { Speeds } from './speeds.js';

/** An answer, or what there is of it. */
export interface Answer {
  readonly text: string;
  readonly speeds: Speeds;
  /** Why it is not complete: the error of the client, also that of a cancelled chat. */
  readonly error?: LaminaClientError;
}

/** Where an answer is printed, and what cancels it. */
export interface AnswerOutput extends Pick<CliIo, 'stdout' | 'stderr'> {
  readonly printer: Printer;
  readonly signal: AbortSignal;
}

/**
 * Sends a chat and prints its answer. On a terminal, what the model thinks is printed too, dim. Control characters of the
 * model are removed. With `--json`, the chunks are printed as the engine wrote them; one of them has the usage.
 */
export async function printAnswer(client: LaminaClient, request: ChatRequest, output: AnswerOutput): Promise<Answer> {
  const { stdout, stderr, printer, signal } = output;
  const { model } = request;
  const status = new StatusLine(stderr, printer);
  const startedAt = performance.now();
  let firstAt: number | undefined;
  let [text, reasoning, end] = ['', '', '\n'];
  let isCounted = false;
  let error: LaminaClientError | undefined;
  const print = (part: string, mark = (text: string) => text): void => {
    status.clear();
    const clean = stripControls(part);
    if (clean === '') return;
    end = clean.at(-1)!;
    printer.write(mark(clean));
  };
  status.show(`Waiting for ${model}`);
  const chat = client.chat(request, { signal, onProgress: (progress) => status.show(progressText(model, progress)) });
  try {
    for await (const chunk of chat) {
      if (printer.json) {
        printer.document(chunk);
        isCounted ||= Boolean(chunk.usage);
        continue;
      }
      const { choices } = chunk;
      const { content, reasoning_content: thought } = choices.find(({ index = 0 }) => index === 0)?.delta ?? {};
      if (content || thought) firstAt ??= performance.now();
      if (thought && stdout.isTTY === true) print(thought, printer.style.dim);
      reasoning += thought ?? '';
      if (!content) continue;
      if (text === '' && reasoning !== '' && stdout.isTTY === true) print(end === '\n' ? '\n' : '\n\n');
      // A terminal has no use for the blank lines with which many answers begin.
      print(text.trim() === '' && stdout.isTTY === true ? content.trimStart() : content);
      text += content;
    }
  } catch (caught) {
    if (!(caught instanceof LaminaClientError)) throw caught;
    error = caught;
  } finally {
    status.clear();
    if (end !== '\n') print('\n');
  }
  if (printer.json && !isCounted && chat.usage !== undefined) printer.document({ choices: [], usage: chat.usage });
  const speeds = { startedAt, firstAt, endedAt: performance.now(), usage: chat.usage };
  if (chat.finishReason === 'length' && stderr.isTTY === true)
    printer.notice(printer.errorStyle.dim('The answer ends here because the token limit is reached.'));
  return { text, speeds, ...(error === undefined ? {} : { error }) };
}

function progressText(model: string, progress: ChatProgress): string {
  if (progress.kind === 'queued') return `Waiting for ${model}, number ${progress.position} in the queue`;
  const { ratio } = progress;
  return `Loading ${model}${ratio === undefined ? '' : `, ${percent(ratio, 1)} %`}`;
}
