// The view `dashboard`: six charts of the last minutes or hours, from the time series of the server.
import type { PsView } from '@lamina/core/protocol';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { Empty, Problem, ViewHeader } from '../../components/basics.js';
import { ManageOnly } from '../../components/manage-only.js';
import type { ViewProps } from '../../lazy-view.js';
import { replaceRoute } from '../../router.js';
import { countRequests } from '../../server/count-requests.js';
import type { LiveValue } from '../../server/live.js';
import type { Session } from '../../server/session.js';
import { chartsOf, type Present } from './charts.js';
import { DashboardReader, type DashboardData } from './dashboard-data.js';
import { Figure } from './figure.js';
import { windows, type WindowName } from './series.js';

/** How often each window is read: at each of its buckets, in milliseconds. */
const refreshMs: Readonly<Record<WindowName, number>> = {
  '5m': 2_000,
  '15m': 5_000,
  '1h': 15_000,
  '6h': 60_000,
  '24h': 300_000,
};

const names = Object.keys(windows) as WindowName[];

export function DashboardView({ session, query }: ViewProps): JSX.Element {
  const window = names.find((name) => name === query.get('window')) ?? '15m';
  const model = query.get('model') ?? '';
  if (!session.mayManage.value)
    return (
      <>
        <ViewHeader title="Dashboard" />
        <ManageOnly session={session} what="The dashboard" />
      </>
    );
  return <Dashboard session={session} window={window} model={model} />;
}

interface Shown {
  readonly session: Session;
  readonly window: WindowName;
  /** Empty for all. */
  readonly model: string;
}

function Dashboard({ session, window, model }: Shown): JSX.Element {
  const { value, problem } = useSeries({ session, window, model });
  /** What was shown before stays until there are the numbers of another window. */
  const last = useRef<DashboardData | 'missing'>(undefined);
  const data = value.value ?? (problem.value === undefined ? last.current : undefined);
  last.current = data;
  const show = (next: WindowName, of: string): void =>
    replaceRoute('dashboard', '', { ...(next === '15m' ? {} : { window: next }), ...(of === '' ? {} : { model: of }) });
  const ps = session.ps.value.value;
  const charts = useMemo(
    () => (data === undefined || data === 'missing' ? [] : chartsOf(data, presentOf(ps, model))),
    [data, ps],
  );
  const models = data === undefined || data === 'missing' ? [] : data.total.models;
  return (
    <>
      <ViewHeader title="Dashboard">
        <div class="windows" role="group" aria-label="Window">
          {names.map((name) => (
            <button
              key={name}
              type="button"
              class="button"
              aria-pressed={name === window}
              onClick={() => show(name, model)}
            >
              {windows[name]}
            </button>
          ))}
        </div>
        <select aria-label="Model" value={model} onChange={({ currentTarget }) => show(window, currentTarget.value)}>
          <option value="">All models</option>
          {[...new Set([...models, ...(model === '' ? [] : [model])])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </ViewHeader>
      {problem.value === undefined ? undefined : <Problem text={problem.value} />}
      {data === 'missing' ? <Missing /> : undefined}
      <div class="charts">
        {charts.map((chart) => (
          <Figure key={chart.id} chart={chart} window={windows[window]} />
        ))}
      </div>
    </>
  );
}

function presentOf(ps: PsView | undefined, model: string): Present {
  const shown = Object.entries(ps?.models ?? {}).flatMap(([name, one]) => (model === '' || name === model ? one : []));
  const { busy: running, waiting } = countRequests(shown);
  return {
    running,
    waiting,
    memoryBudget: ps?.resources['host']?.budget,
  };
}

function Missing(): JSX.Element {
  return (
    <Empty>
      <p>The server keeps no time series, because the plugin for them is not installed.</p>
      <p>
        Install it beside the server with <code>npm install @lamina/plugin-metrics</code>, and start the server again.
      </p>
    </Empty>
  );
}

/** The data of the charts, read again at each bucket while the page is visible. */
function useSeries({ session, window, model }: Shown): LiveValue<DashboardData | 'missing'> {
  const series = useMemo(() => {
    const reader = new DashboardReader(session.api, window, model);
    return session.live({ read: async (signal) => (await reader.read(signal)) ?? 'missing', events: [] });
  }, [session, window, model]);
  useEffect(() => {
    const refresh = (): void => {
      if (!document.hidden && series.value.peek() !== 'missing') series.invalidate();
    };
    const timer = setInterval(refresh, refreshMs[window]);
    document.addEventListener('visibilitychange', refresh);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refresh);
      series.close();
    };
  }, [series]);
  return series;
}
