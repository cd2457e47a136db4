// One download: how far it is, its files, and what can be done with it.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { DownloadView } from '@lamina/core/protocol';
import { ActionButton, Button, Confirm, Problem, Progress, State } from '../../components/basics.js';
import { formatBytes } from '../../format.js';
import type { Session } from '../../server/session.js';
import { downloadText, filesText, ratioOf, referenceText, stateText } from './download-text.js';

interface ItemProps {
  readonly session: Session;
  readonly download: DownloadView;
}

export function DownloadItem({ session, download }: ItemProps): JSX.Element {
  const { model, state, source, reference, files, error } = download;
  return (
    <li class="card download">
      <div class="download-main">
        <div class="download-title">
          <h3>{model}</h3>
          <State state={stateText(download)} />
          <span class="muted">{`${source}: ${referenceText(reference)}`}</span>
        </div>
        {state === 'finished' || state === 'cancelled' ? undefined : (
          <Progress label={`Download of ${model}`} ratio={state === 'queued' ? 0 : ratioOf(download)} />
        )}
        <p class="muted">{downloadText(download)}</p>
        {error === undefined ? undefined : <Problem text={error.message} />}
        {files.length === 0 ? undefined : <Files download={download} />}
      </div>
      <div class="model-actions">
        <Actions session={session} download={download} />
      </div>
    </li>
  );
}

function Files({ download: { files } }: Pick<ItemProps, 'download'>): JSX.Element {
  return (
    <details>
      <summary>{filesText(files)}</summary>
      <ul>
        {files.map(({ path, done, total, state }) => (
          <li key={path}>
            <span class="mono">{path}</span>
            <span class="muted">{` ${state}, ${formatBytes(done)}${total === undefined ? '' : ` of ${formatBytes(total)}`}`}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Actions({ session, download }: ItemProps): JSX.Element {
  const { id, model, state } = download;
  const { downloads } = session.client;
  const common = { of: `the download of ${model}`, needsManage: true };
  if (state === 'finished' || state === 'cancelled')
    return (
      <ActionButton
        {...common}
        of={`(${model})`}
        label="Remove from the list"
        kind="plain"
        action={() => remove(session, id)}
      />
    );
  return (
    <>
      {state === 'active' || state === 'queued' ? (
        <ActionButton {...common} label="Pause" icon="pause" action={() => downloads.pause(id)} />
      ) : (
        <ActionButton
          {...common}
          label={state === 'failed' ? 'Retry' : 'Resume'}
          icon={state === 'failed' ? 'retry' : 'play'}
          action={() => downloads.resume(id)}
        />
      )}
      <Cancel session={session} download={download} />
    </>
  );
}

/** Cancels a download that has not finished, too. */
async function remove({ api, downloads }: Session, id: string): Promise<void> {
  await api.request(`downloads/${encodeURIComponent(id)}`, { method: 'DELETE' });
  downloads.invalidate();
}

function Cancel({ session, download: { id, model, done } }: ItemProps): JSX.Element {
  const isAsking = useSignal(false);
  return (
    <>
      <Button
        label="Cancel"
        of={`the download of ${model}`}
        icon="close"
        needsManage
        onClick={() => (isAsking.value = true)}
      />
      {isAsking.value ? (
        <Confirm
          title={`Cancel the download of ${model}?`}
          text={`The ${formatBytes(done)} that have been downloaded are deleted.`}
          action="Cancel the download"
          run={() => remove(session, id)}
          onClose={() => (isAsking.value = false)}
        />
      ) : undefined}
    </>
  );
}
