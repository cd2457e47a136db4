// A Lamina in a process of its own that downloads one file and reports progress and result over IPC. It may
// be killed at any time.
import { createLamina, LaminaError, type DownloadLimits, type WireError } from '@lamina/core';
import type { Json } from '@lamina/core/plugin';

/** Its argument. */
export interface Order {
  readonly modelsDir: string;
  readonly reference: Json;
  readonly downloads: Partial<DownloadLimits>;
}

/** Its messages. */
export type Report =
  { readonly done: number } | { readonly ended: 'finished' } | { readonly ended: 'failed'; readonly error: WireError };

const { modelsDir, reference, downloads } = JSON.parse(process.argv[2]!) as Order;
const lamina = await createLamina({ modelsDir, log: 'silent', downloads });
const report = (message: Report) => process.send!(message);
lamina.events.on('download.progress', ({ done }) => void report({ done }));

// `pause` pauses the download, which is then resumed; every other message closes Lamina.
process.on('message', (message) => {
  if (message === 'pause')
    void id.then((download) => lamina.downloads.pause(download!)).catch(() => undefined); // It may have ended already.
  else void lamina.close().then(() => process.exit());
});

const id = begun();
try {
  const download = await id;
  if (download !== undefined) await finished(download);
  report({ ended: 'finished' });
} catch (error) {
  report({ ended: 'failed', error: LaminaError.from(error).toWire() });
}

/** The download; `undefined` when an earlier process has finished it. */
async function begun(): Promise<string | undefined> {
  if (lamina.models.get('tiny')?.available === true) return undefined;
  return (lamina.downloads.list()[0] ?? (await lamina.downloads.start({ reference, name: 'tiny' }))).id;
}

async function finished(download: string): Promise<void> {
  for (;;) {
    if (lamina.downloads.get(download).state === 'paused') await lamina.downloads.resume(download);
    const paused = await lamina.downloads.wait(download).then(
      () => false,
      (error: unknown) => {
        if (LaminaError.is(error, 'ABORTED')) return true;
        throw error;
      },
    );
    if (!paused) return;
  }
}
