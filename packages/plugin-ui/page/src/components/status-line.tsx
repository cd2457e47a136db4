// The state of the server in one line: whether it is connected, what runs, and what waits.
import type { JSX } from 'preact';
import type { Session } from '../server/session.js';

const words = { connecting: 'connecting', unreachable: 'no connection', live: 'live', lost: 'no connection' } as const;
const tones = { connecting: 'busy', unreachable: 'bad', live: 'good', lost: 'bad' } as const;

/** What is wrong, when something is. */
const problems = {
  connecting: undefined,
  unreachable: 'There is no connection to the server. A proxy between it and the page must support WebSockets.',
  live: undefined,
  lost: 'The connection to the server was lost. Trying again.',
} as const;

export function StatusLine({ session }: { readonly session: Session }): JSX.Element {
  const connection = session.connection.value;
  const models = Object.values(session.ps.value.value?.models ?? {});
  const busy = models.reduce((sum, model) => sum + model.busy, 0);
  const waiting = models.reduce((sum, model) => sum + model.waiting, 0);
  const isIdle = busy === 0 && waiting === 0;
  return (
    <p class="status-line">
      {connection === 'live' && !isIdle ? (
        <span title="Requests that run, and requests that wait">{`${busy} running · ${waiting} waiting`}</span>
      ) : undefined}
      <span class={`state ${tones[connection]}`}>{words[connection]}</span>
    </p>
  );
}

/** Says that there is no connection. The element is always there, so that screen readers notice its text. */
export function ConnectionBanner({ session }: { readonly session: Session }): JSX.Element {
  return (
    <div class="banner" role="status">
      {problems[session.connection.value]}
    </div>
  );
}
