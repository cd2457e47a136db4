// The view `requests`: those under way and the last ones that ended, with filters, each opened into its parts.
import { useSignal } from '@preact/signals';
import type { RequestsView as RequestsDocument } from '@lamina/core/protocol';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { Button, Empty, Note, Problem, ViewHeader } from '../../components/basics.js';
import { Icon } from '../../components/icons.js';
import { ManageOnly } from '../../components/manage-only.js';
import { counted } from '../../format.js';
import type { ViewProps } from '../../lazy-view.js';
import { href, replaceRoute } from '../../router.js';
import { useLive } from '../../server/use-live.js';
import { readCapture } from './capture.js';
import { endedSince, entriesOf, filterRequests, modelsOf, type RequestFilter } from './request-list.js';
import { RequestReader } from './request-reader.js';
import { RequestTable } from './request-table.js';

/** How many are shown at first: a long table makes every change slow. */
const shownAtFirst = 100;

const statuses = ['all', 'running', 'failed'] as const;

export function RequestsView(props: ViewProps): JSX.Element {
  if (props.session.mayManage.value) return <Requests {...props} />;
  return (
    <>
      <ViewHeader title="Requests" />
      <ManageOnly session={props.session} what="The list of all users' requests" />
    </>
  );
}

function Requests({ session, item, query }: ViewProps): JSX.Element {
  const reader = useMemo(() => new RequestReader(session.api), []);
  const requests = useLive(session, {
    read: (signal) => reader.read(signal),
    events: ['request.started', 'request.finished'],
  });
  const capture = useLive(session, {
    read: (signal) => readCapture(session.api, signal),
    events: ['request.started'],
  });
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
