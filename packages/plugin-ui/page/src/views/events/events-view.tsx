// The view `events`: what happens in the server, as it happens.
import { signal, useSignal, type Signal } from '@preact/signals';
import type { UnknownEvent } from '@lamina/client';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { ViewHeader } from '../../components/basics.js';
import { LiveListView } from '../../components/live-list-view.js';
import { formatClock } from '../../format.js';
import type { ViewProps } from '../../lazy-view.js';
import { LiveList } from '../../live-list.js';
import { eventText } from './event-text.js';

const keptEvents = 500;

/** The frequent ones are shown when they are asked for. Kept while other views are shown. */
const showsLines = signal(false);
const showsProgress = signal(false);

interface ShownEvent {
  readonly event: UnknownEvent;
  readonly text: string;
}

export function EventsView({ session }: ViewProps): JSX.Element {
  const list = useMemo(() => new LiveList<ShownEvent>(keptEvents), []);
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const { client } = session;
    const add = (event: UnknownEvent): void => list.add({ event, text: eventText(event) });
    const remark = (text: string): void =>
      list.add({ event: { id: '', at: new Date().toISOString(), type: 'page' }, text });
    client.on('*', (event) => isShown(event) && add(event), { signal });
    client.on('gap', ({ types }) => types.includes('*') && remark('Some events were missed'), { signal });
    client.on('connected', ({ restarted }) => restarted && remark('The server was started again'), { signal });
    return () => leaving.abort();
  }, [session]);
  return (
    <>
      <ViewHeader title="Events" />
      <LiveListView
        list={list}
        label="Events"
        noun="event"
        textOf={({ event, text }) => `${event.type} ${text}`}
        row={(shown) => <EventRow {...shown} />}
        empty="No event since this view was opened. Events are shown here as they happen, for example when a model starts."
      >
        {() => (
          <>
            <Switch label="Log lines" state={showsLines} />
            <Switch label="Progress" state={showsProgress} />
          </>
        )}
      </LiveListView>
    </>
  );
}

function isShown({ type }: UnknownEvent): boolean {
  if (type === 'log.line') return showsLines.value;
  return !type.endsWith('.progress') || showsProgress.value;
}

function Switch({ label, state }: { readonly label: string; readonly state: Signal<boolean> }): JSX.Element {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={state.value}
        onChange={({ currentTarget }) => (state.value = currentTarget.checked)}
      />
      {label}
    </label>
  );
}

function EventRow({ event, text }: ShownEvent): JSX.Element {
  const isOpen = useSignal(false);
  const { id, at, type, ...fields } = event;
  return (
    <details class="event" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>
        <time dateTime={at}>{formatClock(at)}</time> <span class="event-type">{type}</span>{' '}
        <span class="event-text">{text}</span>
      </summary>
      {isOpen.value ? <pre>{JSON.stringify({ id, at, type, ...fields }, undefined, 2)}</pre> : undefined}
    </details>
  );
}
