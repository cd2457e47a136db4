// The state of the server in one line: whether it is connected, what runs, and what waits.
import type { JSX } from 'preact';
import { countRequests } from '../server/count-requests.js';
import type { Session } from '../server/session.js';

const states = {
  connecting: { word: 'connecting', tone: 'busy', problem: undefined },
  unreachable: {
    word: 'no connection',
    tone: 'bad',
    problem: 'There is no connection to the server. A proxy between it and the page must support WebSockets.',
  },
  live: { word: 'live', tone: 'good', problem: undefined },
  lost: { word: 'no connection', tone: 'bad', problem: 'The connection to the server was lost. Trying again.' },
} as const;

export function StatusLine({ session }: { readonly session: Session }): JSX.Element {
  const connection = session.connection.value;
  const { word, tone } = states[connection];
  const { busy, waiting } = countRequests(Object.values(session.ps.value.value?.models ?? {}));
  const isIdle = busy === 0 && waiting === 0;
  return (
    <p class="status-line">
      {connection === 'live' && !isIdle ? (
        <span title="Requests that run, and requests that wait">{`${busy} running · ${waiting} waiting`}</span>
      ) : undefined}
      <span class={`state ${tone}`}>{word}</span>
    </p>
  );
}

/** Says that there is no connection. The element is always there, so that screen readers notice its text. */
export function ConnectionBanner({ session }: { readonly session: Session }): JSX.Element {
  return (
    <div class="banner" role="status">
      {states[session.connection.value].problem}
    </div>
  );
}
