// One model: its state, the facts that matter now, its main actions, and all details when it is opened.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { Button, Problem, Progress, State } from '../../components/basics.js';
import { formatBytes, formatNumber } from '../../format.js';
import { href } from '../../router.js';
import type { Session } from '../../server/session.js';
import { downloadText, ratioOf, stateText } from '../downloads/download-text.js';
import { ModelActions } from './model-actions.js';
import { ModelDetails } from './model-details.js';
import type { ModelRow } from './model-rows.js';
import { progressText, requestsText, reservedBytes, waitingText } from './sentences.js';
import { Until } from './until.js';

export function ModelItem({
  session,
  row,
  onRemoved,
}: {
  readonly session: Session;
  readonly row: ModelRow;
  readonly onRemoved: (text: string) => void;
}): JSX.Element {
  const { name, model, download } = row;
  const isOpen = useSignal(false);
  const problem = useSignal<string | undefined>(undefined);
  return (
    <li class="card model-card">
      <div class="model-main">
        <div class="model-title">
          <h3>{name}</h3>
          <State state={stateOf(row)} />
        </div>
        <Facts row={row} />
        {model?.state === 'starting' || model?.state === 'waking' ? (
          <Loading session={session} name={name} />
        ) : undefined}
        {download === undefined ? undefined : (
          <div class="model-progress">
            <Progress label={`Download of ${name}`} ratio={ratioOf(download)} />
            <a href={href('downloads')}>{downloadText(download)}</a>
          </div>
        )}
        <Notes row={row} problem={problem.value} />
      </div>
      <div class="model-actions">
        <ModelActions session={session} row={row} onProblem={(text) => (problem.value = text)} />
        {model === undefined ? undefined : (
          <Button
            label="Details"
            of={`of ${name}`}
            icon={isOpen.value ? 'down' : 'right'}
            kind="plain"
            isExpanded={isOpen.value}
            onClick={() => (isOpen.value = !isOpen.value)}
          />
        )}
      </div>
      {isOpen.value && model !== undefined ? (
        <ModelDetails session={session} name={name} model={model} run={row.run} onRemoved={onRemoved} />
      ) : undefined}
    </li>
  );
}

function stateOf({ model, download }: ModelRow): string {
  if (model !== undefined && (model.available || model.state !== 'stopped')) return model.state;
  if (download === undefined) return 'not on disk';
  return stateText(download);
}

function Facts({ row: { model, run, served } }: { readonly row: ModelRow }): JSX.Element {
  const reserved = run === undefined ? undefined : reservedBytes(run);
  const context = served?.context_length;
  const texts = [
    run?.backend ?? model?.runs_on ?? model?.backend,
    reserved === undefined ? sizeOf(model) : `${formatBytes(reserved)} reserved`,
    model?.quantization,
    context === undefined ? undefined : `context ${formatNumber(context)}`,
    model?.pinned === true ? 'pinned' : undefined,
    run === undefined ? undefined : requestsText(run),
  ];
  return (
    <ul class="fact-line">
      {texts.map((text, index) => (text === undefined ? undefined : <li key={index}>{text}</li>))}
      {run === undefined ? undefined : <Until run={run} />}
    </ul>
  );
}

function sizeOf(model: ModelRow['model']): string | undefined {
  if (model === undefined) return undefined;
  return model.bytes === 0 ? model.size?.toString() : formatBytes(model.bytes);
}

/** How far a start is. It reads the progress itself, so that only this part is drawn again. */
function Loading({ session, name }: { readonly session: Session; readonly name: string }): JSX.Element {
  const progress = session.loading.value.get(name) ?? { stage: 'loading' };
  return (
    <div class="model-progress">
      <Progress label={`Start of ${name}`} ratio={progress.ratio} />
      <span>{progressText(progress)}</span>
    </div>
  );
}

function Notes({ row, problem }: { readonly row: ModelRow; readonly problem: string | undefined }): JSX.Element {
  const { model, run, download } = row;
  const waiting = run === undefined ? undefined : waitingText(run);
  const failure = run?.error?.message ?? problem ?? download?.error?.message;
  return (
    <>
      {model?.description === undefined ? undefined : <p class="note">{model.description}</p>}
      {model?.available === true && model.cannot_run !== undefined ? (
        <p class="note">{`No engine here runs it: ${model.cannot_run}`}</p>
      ) : undefined}
      {waiting === undefined ? undefined : <p class="note">{waiting}</p>}
      {run?.memory?.slow === true ? <p class="note">Slow: its weights do not fit in memory.</p> : undefined}
      {failure === undefined ? undefined : <Problem text={failure} />}
      {model?.state === 'failed' ? <a href={href('logs', row.name)}>{`Engine log of ${row.name}`}</a> : undefined}
    </>
  );
}
