// The downloads: how to get a model, what is being downloaded, and what was.
import type { JSX } from 'preact';
import { Empty, Problem, ViewHeader } from '../../components/basics.js';
import type { ViewProps } from '../../lazy-view.js';
import { DownloadItem } from './download-item.js';
import { sortedDownloads } from './download-text.js';
import { GetModel } from './get-model.js';

/** The view `downloads`. */
export function DownloadsView({ session }: ViewProps): JSX.Element {
  const { value, problem } = session.downloads;
  const downloads = value.value?.downloads;
  return (
    <>
      <ViewHeader title="Downloads" />
      <GetModel session={session} />
      <section class="section">
        <h2>All downloads</h2>
        {problem.value === undefined ? undefined : <Problem text={problem.value} />}
        {downloads?.length === 0 ? (
          <Empty>No downloads. What you pull appears here, with its progress.</Empty>
        ) : undefined}
        <ul class="downloads">
          {sortedDownloads(downloads ?? []).map((download) => (
            <DownloadItem key={download.id} session={session} download={download} />
          ))}
        </ul>
      </section>
    </>
  );
}
