// Shows the progress of a download until it ends or stops. An interrupt pauses a download in this process; a download
// of a server continues.
import { LaminaError, type DownloadView } from '@lamina/core/protocol';
import { showBytes, showElapsed } from '../amounts.js';
import { exitCodeOf } from '../exit-code.js';
import type { CommandResult } from '../printer.js';
import { createProgress } from '../progress/create-progress.js';
import type { CommandContext } from '../command-context.js';

/** @throws LaminaError the failure of the download; `CONFLICT` when another client paused or cancelled it */
export async function watchDownload(started: DownloadView, context: CommandContext): Promise<CommandResult> {
  const startedAt = performance.now();
  let last = started;
  try {
    await showProgress(started, context, (view) => (last = view));
  } catch (error) {
    if (!context.io.signal.aborted) throw error;
    return await interruptedResult(last, context);
  }
  return resultOf(last, started.done === 0 ? ` in ${showElapsed((performance.now() - startedAt) / 1000)}` : '');
}

/** Shows the progress of a download until it ends or stops. `onView` gets each of its states. */
export async function showProgress(
  started: DownloadView,
  { library, io, printer }: CommandContext,
  onView: (view: DownloadView) => void = () => undefined,
): Promise<void> {
  const progress = await createProgress(started, io, printer);
  try {
    for await (const view of library.follow(started.id)) {
      onView(view);
      progress.show(view);
    }
  } finally {
    progress.end();
  }
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
