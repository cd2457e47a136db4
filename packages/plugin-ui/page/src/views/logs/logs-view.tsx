// The view `logs`: what the engine of a model prints.
import { signal, useSignal } from '@preact/signals';
import type { JSX, VNode } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { Button, CopyButton, Empty, Problem, ViewHeader } from '../../components/basics.js';
import { LiveListView } from '../../components/live-list-view.js';
import { ManageOnly } from '../../components/manage-only.js';
import { formatClock } from '../../format.js';
import type { ViewProps } from '../../lazy-view.js';
import { LiveList } from '../../live-list.js';
import { href, navigate } from '../../router.js';
import { saveAsFile } from '../../save-as-file.js';
import type { Session } from '../../server/session.js';
import { followEngineLog, logFileName, textOfLog, type LogLine } from './engine-log.js';

/** The server keeps 1,000 lines per model. */
const keptLines = 2000;

/** Kept while other views are shown. */
const wraps = signal(true);

export function LogsView({ session, item }: ViewProps): JSX.Element {
  return (
    <>
      <ViewHeader title="Logs">
        {session.mayManage.value ? <ModelChoice session={session} model={item} /> : undefined}
      </ViewHeader>
      <ManageOnly session={session} what="The log of an engine">
        {item === '' ? <NoModel session={session} /> : <EngineLog key={item} session={session} model={item} />}
      </ManageOnly>
    </>
  );
}

function ModelChoice({ session, model }: { readonly session: Session; readonly model: string }): JSX.Element {
  const names = Object.keys(session.models.value.value?.models ?? {});
  const isKnown = model === '' || names.includes(model);
  return (
    <select aria-label="Model" value={model} onChange={({ currentTarget }) => navigate('logs', currentTarget.value)}>
      {model === '' ? <option value="">Choose a model</option> : undefined}
      {(isKnown ? names : [model, ...names]).map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** Shows the log of a model that is in use, when there is one. */
function NoModel({ session }: { readonly session: Session }): JSX.Element | undefined {
  const models = session.ps.value.value?.models;
  const first = Object.keys(models ?? {})[0];
  useEffect(() => {
    if (first !== undefined) location.replace(href('logs', first));
  }, [first]);
  if (models === undefined || first !== undefined) return undefined;
  return (
    <Empty>
      <p>No model is running. Choose one, or start one: what its engine prints is shown here.</p>
      <p>
        <a href={href('models')}>Models</a>
      </p>
    </Empty>
  );
}

function EngineLog({ session, model }: { readonly session: Session; readonly model: string }): JSX.Element {
  const list = useMemo(() => new LiveList<LogLine>(keptLines), []);
  const problem = useSignal<string | undefined>(undefined);
  useEffect(() => {
    const leaving = new AbortController();
    followEngineLog(session.client, model, leaving.signal, (line) => list.add(line)).catch((error: unknown) => {
      if (!leaving.signal.aborted) problem.value = (error as Error).message;
    });
    return () => leaving.abort();
  }, []);
  // A model that does not exist, or that the key may not see.
  if (problem.value !== undefined && list.shown.value.length === 0) return <Problem text={problem.value} />;
  return (
    <>
      {problem.value === undefined ? undefined : <Problem text={problem.value} />}
      <LiveListView
        list={list}
        label={`Log of ${model}`}
        noun="line"
        kind={wraps.value ? 'wraps' : ''}
        textOf={({ text }) => text}
        row={lineRow}
        empty={<NoLines model={model} />}
      >
        {(shown) => (
          <>
            <label class="check">
              <input
                type="checkbox"
                checked={wraps.value}
                onChange={({ currentTarget }) => (wraps.value = currentTarget.checked)}
              />
              Wrap lines
            </label>
            <CopyButton text={() => textOfLog(shown)} />
            <Button
              label="Download"
              icon="downloads"
              kind="plain"
              hint="Saves the lines that are shown as a file."
              onClick={() => saveAsFile(logFileName(model), 'text/plain', textOfLog(shown))}
            />
          </>
        )}
      </LiveListView>
    </>
  );
}

function lineRow({ at, stream, text }: LogLine): VNode {
  return (
    <div class={`log-line ${stream}`}>
      <time dateTime={at}>{formatClock(at)}</time> <span class="log-stream">{stream}</span>{' '}
      <span class="log-text">{text}</span>
    </div>
  );
}

function NoLines({ model }: { readonly model: string }): JSX.Element {
  return (
    <>
      {`The engine of ${model} has printed nothing since the server was started. `}
      <a href={href('models')}>Start the model</a>
      {', and its lines are shown here.'}
    </>
  );
}
