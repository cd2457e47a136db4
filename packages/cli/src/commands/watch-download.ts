// Shows the progress of a download until it ends or stops. An interrupt pauses a download in this process; a download
// of a server continues.
import { LaminaError, type DownloadView } from '@lamina/core/protocol';
import { showBytes, showSeconds } from '../amounts.js';
import { exitCodeOf } from '../exit-code.js';
import type { CommandResult } from '../printer.js';
import { createProgress } from '../progress/create-progress.js';
import type { CommandContext } from '../command-context.js';

/** @throws LaminaError the failure of the download; `CONFLICT` when another client paused or cancelled it */
export async function watchDownload(started: DownloadView, context: CommandContext): Promise<CommandResult> {
  const { library, io, printer } = context;
  const startedAt = performance.now();
  const progress = await createProgress(started, io, printer);
  let last = started;
  try {
    for await (const view of library.follow(started.id)) progress.show((last = view));
  } catch (error) {
    if (!io.signal.aborted) throw error;
    progress.end();
    return await interruptedResult(last, context);
  } finally {
    progress.end();
  }
  return resultOf(last, started.done === 0 ? ` in ${showSeconds((performance.now() - startedAt) / 1000)}` : '');
}

/** Shows the progress of a download until it ends or stops. @returns the last state that was seen */
export async function showProgress(
  started: DownloadView,
  { library, io, printer }: CommandContext,
): Promise<DownloadView> {
  const progress = await createProgress(started, io, printer);
  let last = started;
  try {
    for await (const view of library.follow(started.id)) progress.show((last = view));
  } finally {
    progress.end();
  }
  return last;
}

function resultOf(download: DownloadView, time: string): CommandResult {
  const { id, model, state, done, error } = download;
  if (state === 'finished') return { json: download, text: `Downloaded ${model}: ${showBytes(done)}${time}.` };
  if (error !== undefined) throw LaminaError.fromWire(error);
  const next =
    state === 'paused' ? `Resume it with: lamina downloads resume ${model}` : 'Run the same command to start again.';
  throw new LaminaError('CONFLICT', { message: `Another client ${state} the download ${id} of ${model}. ${next}` });
}

async function interruptedResult(last: DownloadView, { library, io }: CommandContext): Promise<CommandResult> {
  const code = exitCodeOf(io.signal.reason);
  const { id, model } = last;
  if (library.isServer)
    return {
      json: last,
      text: `The server continues the download. Run the same command to follow it, or pause it with: lamina downloads pause ${model} --server <url>`,
      code,
    };
  const download = await library.pause(id);
  const { done, total } = download;
  return {
    json: download,
    text: `Paused at ${showBytes(done)}${total === undefined ? '' : ` of ${showBytes(total)}`}. Resume with the same command, or: lamina downloads resume ${model}`,
    code,
  };
}
