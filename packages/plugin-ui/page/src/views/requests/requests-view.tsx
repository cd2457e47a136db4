// The view `requests`: those under way and the last ones that ended, with filters, each opened into its parts.
import { useSignal } from '@preact/signals';
import type { RequestsView as RequestsDocument } from '@lamina/core/protocol';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { Button, Empty, Note, Problem, ViewHeader } from '../../components/basics.js';
import { Icon } from '../../components/icons.js';
import { counted } from '../../format.js';
import type { ViewProps } from '../../lazy-view.js';
import { href, replaceRoute } from '../../router.js';
import type { LiveValue } from '../../server/live.js';
import type { Session } from '../../server/session.js';
import { readCapture, type CaptureList } from './capture.js';
import { endedSince, entriesOf, filterRequests, modelsOf, type RequestFilter } from './request-list.js';
import { RequestReader } from './request-reader.js';
import { RequestTable } from './request-table.js';

/** How many are shown at first: a long table makes every change slow. */
const shownAtFirst = 100;

const statuses = ['all', 'running', 'failed'] as const;

export function RequestsView(props: ViewProps): JSX.Element {
  const { mayManage, scopes } = props.session;
  if (!mayManage.value)
    return (
      <>
        <ViewHeader title="Requests" />
        {scopes.value.length === 0 ? undefined : (
          <Note>The requests of all users are shown to keys with the scope manage.</Note>
        )}
      </>
    );
  return <Requests {...props} />;
}

function Requests({ session, item, query }: ViewProps): JSX.Element {
  const { requests, capture } = useLive(session);
  /** The list when it was paused. */
  const paused = useSignal<RequestsDocument | undefined>(undefined);
  const text = useSignal('');
  const isWhole = useSignal(false);
  const live = requests.value.value;
  const list = paused.value ?? live;
  const filter: RequestFilter = {
    model: query.get('model') ?? '',
    status: statuses.find((status) => status === query.get('status')) ?? 'all',
    text: text.value,
  };
  const show = (id: string, { model, status } = filter): void =>
    replaceRoute('requests', id, { ...(model === '' ? {} : { model }), ...(status === 'all' ? {} : { status }) });
  const entries = list === undefined ? [] : entriesOf(list);
  const matching = filterRequests(entries, filter);
  const shown = isWhole.value ? matching : matching.slice(0, shownAtFirst);
  const problem = requests.problem.value;
  return (
    <>
      <ViewHeader title="Requests">
        <Filters
          filter={filter}
          models={modelsOf(entries)}
          onChange={(changed) => {
            text.value = changed.text;
            show(item, changed);
          }}
        />
        <Button
          label={paused.value === undefined ? 'Pause' : 'Continue'}
          icon={paused.value === undefined ? 'pause' : 'play'}
          onClick={() => (paused.value = paused.value === undefined ? live : undefined)}
        />
      </ViewHeader>
      {capture.value.value?.on === true ? <CaptureMark /> : undefined}
      {problem === undefined ? undefined : <Problem text={problem} />}
      {paused.value === undefined || live === undefined ? undefined : (
        <p class="paused" role="status">
          {`Paused. ${counted(endedSince(paused.value, live), 'request')} ended since.`}
        </p>
      )}
      {list === undefined ? undefined : shown.length === 0 ? (
        <Nothing isFiltered={entries.length > 0} />
      ) : (
        <RequestTable
          entries={shown}
          opened={item}
          isPaused={paused.value !== undefined}
          session={session}
          capture={capture.value.value}
          onOpen={(id) => show(id === item ? '' : id)}
        />
      )}
      {shown.length < matching.length ? (
        <p class="more-requests">
          <Button label={`Show all ${matching.length}`} onClick={() => (isWhole.value = true)} />
        </p>
      ) : undefined}
      {list === undefined || item === '' || matching.some(({ request }) => request === item) ? undefined : (
        <Note>{`The request ${item} is not among these. The server keeps the last 500.`}</Note>
      )}
    </>
  );
}

/** The values of the server that the view shows, until it is left. */
function useLive(session: Session): {
  readonly requests: LiveValue<RequestsDocument>;
  readonly capture: LiveValue<CaptureList>;
} {
  const values = useMemo(() => {
    const reader = new RequestReader(session.api);
    return {
      requests: session.live({
        read: (signal) => reader.read(signal),
        events: ['request.started', 'request.finished'],
      }),
      capture: session.live({ read: (signal) => readCapture(session.api, signal), events: ['request.started'] }),
    };
  }, [session]);
  useEffect(
    () => () => {
      values.requests.close();
      values.capture.close();
    },
    [values],
  );
  return values;
}

function Filters({
  filter,
  models,
  onChange,
}: {
  readonly filter: RequestFilter;
  readonly models: readonly string[];
  readonly onChange: (filter: RequestFilter) => void;
}): JSX.Element {
  const known = filter.model === '' || models.includes(filter.model) ? models : [filter.model, ...models];
  return (
    <>
      <select
        aria-label="Model"
        value={filter.model}
        onChange={({ currentTarget }) => onChange({ ...filter, model: currentTarget.value })}
      >
        <option value="">All models</option>
        {known.map((model) => (
          <option key={model}>{model}</option>
        ))}
      </select>
      <select
        aria-label="Status"
        value={filter.status}
        onChange={({ currentTarget }) =>
          onChange({ ...filter, status: currentTarget.value as RequestFilter['status'] })
        }
      >
        <option value="all">Any status</option>
        <option value="running">Running</option>
        <option value="failed">Failed</option>
      </select>
      <input
        type="search"
        aria-label="Filter by text"
        placeholder="Filter…"
        value={filter.text}
        onInput={({ currentTarget }) => onChange({ ...filter, text: currentTarget.value })}
      />
    </>
  );
}

function CaptureMark(): JSX.Element {
  return (
    <p class="capture-mark">
      <Icon name="warning" />
      Prompts and answers are kept in memory: capture is on.
    </p>
  );
}

function Nothing({ isFiltered }: { readonly isFiltered: boolean }): JSX.Element {
  if (isFiltered) return <Empty>No request matches the filter.</Empty>;
  return (
    <Empty>
      No requests yet. They appear here as soon as somebody uses a model: in the <a href={href('chat')}>chat</a>, or
      with the API.
    </Empty>
  );
}
