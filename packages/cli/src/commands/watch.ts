// Shows a download until it is at rest, and says how it ended. An interrupt stops it where it is fetched here, and only
// the looking where a server fetches it.
import { LaminaError, type DownloadView } from '@lamina/core/protocol';
import { showBytes, showSeconds } from '../amounts.js';
import { exitCodeOf } from '../exit-code.js';
import type { Answer } from '../printer.js';
import { createProgress } from '../progress/create-progress.js';
import type { Tools } from '../session.js';

/** @throws LaminaError what the download failed with; `CONFLICT` when somebody else paused or cancelled it */
export async function watch(begun: DownloadView, tools: Tools): Promise<Answer> {
  const { library, world, printer } = tools;
  const startedAt = performance.now();
  const progress = createProgress(begun, world, printer);
  let last = begun;
  try {
    for await (const view of library.follow(begun.id)) progress.show((last = view));
  } catch (error) {
    if (!world.signal.aborted) throw error;
    progress.end();
    return await interrupted(last, tools);
  } finally {
    progress.end();
  }
  return outcome(last, begun.done === 0 ? ` in ${showSeconds((performance.now() - startedAt) / 1000)}` : '');
}

function outcome(download: DownloadView, time: string): Answer {
  const { id, model, state, done, error } = download;
  if (state === 'finished') return { json: download, text: `${model} is here: ${showBytes(done)}${time}.` };
  if (error !== undefined) throw LaminaError.fromWire(error);
  throw new LaminaError('CONFLICT', {
    message: `The download ${id} of ${model} was ${state} by somebody else; ${state === 'paused' ? `go on with: lamina downloads resume ${model}` : 'begin again with the same command'}.`,
  });
}

async function interrupted(last: DownloadView, { library, world }: Tools): Promise<Answer> {
  const code = exitCodeOf(world.signal.reason);
  const { id, model } = last;
  if (library.outlives)
    return {
      json: last,
      text: `The server goes on with it. The same command shows it again; this stops it: lamina downloads pause ${model} --server <url>`,
      code,
    };
  const download = await library.pause(id);
  const { done, total } = download;
  return {
    json: download,
    text: `Paused at ${showBytes(done)}${total === undefined ? '' : ` of ${showBytes(total)}`}. Go on with the same command, or: lamina downloads resume ${model}`,
    code,
  };
}
